//! The classification tree.

use publicdata_proto::catalog::v1::{
    ClassificationNode, ListClassificationsRequest, NameClassificationRequest, ResourceDescription,
    Role,
};
use publicdata_types::OrganisationCode;
use tonic::{Code, Status};

use crate::fixture::{Catalogue, JINJIANG, User, command_id, description, draft, reason};
use crate::libraries::establish;

async fn tree(by: &User, under: &str) -> Vec<ClassificationNode> {
    let request = ListClassificationsRequest { under: under.to_owned() };
    by.classifications.clone().list_classifications(request).await.unwrap().into_inner().nodes
}

async fn name(by: &User, code: &str, name: &str) -> Result<(), Status> {
    let request = NameClassificationRequest {
        command_id: command_id(),
        code: code.to_owned(),
        name: name.to_owned(),
    };
    by.classifications.clone().name_classification(request).await.map(|_| ())
}

fn in_class(provider: OrganisationCode, code: &str, name: &str) -> ResourceDescription {
    let classification_code = code.to_owned();
    ResourceDescription { classification_code, ..description(provider, name) }
}

/// R15.1: the tree begins with the regulation's own categories and the national guide's themes.
#[tokio::test]
async fn the_tree_begins_with_the_regulations_categories() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;

    let nodes = tree(&city, "").await;

    let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    for expected in ["人口信息", "社会信用信息", "应急维稳", "部门信息资源"] {
        assert!(names.contains(&expected), "{expected}");
    }
    assert_eq!(nodes.len(), 20);
    assert!(nodes.iter().all(|node| node.built_in && node.published_entries == 0));
    assert_eq!(tree(&city, "1").await.len(), 6);
}

/// R15.1: the city's authority extends the tree; entries can then be filed there, and are counted upwards.
#[tokio::test]
async fn the_city_extends_the_tree() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let roles = [Role::Provider, Role::LeadDepartment];
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &roles).await;
    establish(&mut city, "106", &provider).await.unwrap();
    let filed = draft(in_class(provider.code, "106001", "门诊量统计"));
    let refused = provider.resources.draft_resource(filed.clone()).await.unwrap_err();
    assert!(refused.message().contains("106001"), "{}", refused.message());
    assert_eq!(
        reason(&name(&city, "106001", "门诊").await.unwrap_err()),
        "CLASSIFICATION_PARENT_UNKNOWN"
    );

    name(&city, "106", "医疗健康信息").await.unwrap();
    name(&city, "106001", "门诊").await.unwrap();
    name(&city, "106001", "门诊和急诊").await.unwrap();
    let id = provider.resources.draft_resource(filed).await.unwrap().into_inner().resource_id;
    provider.submit(&id).await;
    let told = |nodes: Vec<ClassificationNode>| -> Vec<(String, String, u64)> {
        nodes.into_iter().map(|node| (node.code, node.name, node.published_entries)).collect()
    };
    let node = |code: &str, name: &str, count| (code.to_owned(), name.to_owned(), count);
    assert_eq!(
        told(tree(&provider, "106").await),
        [node("106", "医疗健康信息", 0), node("106001", "门诊和急诊", 0)],
        "what is not published is not counted"
    );
    city.publish(&id).await.unwrap();
    assert_eq!(
        told(tree(&provider, "106").await),
        [node("106", "医疗健康信息", 1), node("106001", "门诊和急诊", 1)]
    );
    assert_eq!(tree(&provider, "").await[0].published_entries, 1);

    let before = catalogue.entries.content().await.unwrap();
    assert_eq!(catalogue.entries.rebuild().await.unwrap().content, before);
}

/// R13.1, R15.1: nobody but the city's authority changes the tree, and the regulation's names stay.
#[tokio::test]
async fn nobody_else_changes_the_tree() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let district = catalogue.registered(&city, 3, JINJIANG, &[Role::Authority]).await;

    for (by, code, text, why) in [
        (&provider, "302", "民政", "ROLE_MISSING"),
        (&district, "302", "民政", "DISTRICT_AUTHORITY"),
        (&city, "101", "居民", "CLASSIFICATION_BUILT_IN"),
        (&city, "3", "其他", "CLASSIFICATION_BUILT_IN"),
        (&city, "302", " ", "NAME_MISSING"),
        (&city, "4", "其他", "FIELD_INVALID"),
    ] {
        let refused = name(by, code, text).await.unwrap_err();
        assert_eq!(reason(&refused), why, "{code}");
        assert_ne!(refused.code(), Code::Internal);
    }
    assert_eq!(tree(&city, "").await.len(), 20);
}
