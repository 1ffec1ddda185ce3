//! The classification tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use publicdata_catalog_domain::classification::{Command, tree};
use publicdata_event_store::aggregates::Aggregates;
use publicdata_proto::catalog::v1::classification_service_server::ClassificationService;
use publicdata_proto::catalog::v1::{
    ClassificationNode, ListClassificationsRequest, ListClassificationsResponse,
    NameClassificationRequest, NameClassificationResponse,
};
use publicdata_types::ClassificationCode;
use tonic::{Request, Response, Status};

use super::{Shared, parse, parse_optional};
use crate::codec;
use crate::error::Error;
use crate::queries;

/// Answers `ClassificationService`.
#[derive(Debug)]
pub(crate) struct Classifications {
    pub(crate) aggregates: Aggregates<codec::Classification>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl ClassificationService for Classifications {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn name_classification(
        &self,
        request: Request<NameClassificationRequest>,
    ) -> Result<Response<NameClassificationResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code: ClassificationCode = parse("code", &message.code)?;

        let parent_known = match code.parent() {
            Some(parent) => self.is_known(&parent).await?,
            None => true,
        };
        let id = code.to_string();
        let command = Command::Name { code, name: message.name, parent_known, by };
        let done = self.aggregates.execute(&id, &meta, command).await.map_err(Error::from)?;
        self.shared.until_seen(done.sequence).await;
        Ok(Response::new(NameClassificationResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_classifications(
        &self,
        request: Request<ListClassificationsRequest>,
    ) -> Result<Response<ListClassificationsResponse>, Status> {
        self.shared.directory.caller(&request).await?;
        let under: Option<ClassificationCode> = parse_optional("under", &request.get_ref().under)?;

        let nodes = self.tree().await?.into_iter();
        let nodes = nodes.filter(|(code, _)| under.as_ref().is_none_or(|top| top.contains(code)));
        Ok(Response::new(ListClassificationsResponse {
            nodes: nodes.map(|(_, node)| node).collect(),
        }))
    }
}

impl Classifications {
    async fn is_known(&self, code: &ClassificationCode) -> Result<bool, Error> {
        if tree::built_in_name(code).is_some() {
            return Ok(true);
        }
        Ok(queries::is_named(&self.shared.database, code).await?)
    }

    /// Every node that was named or that published entries use, with those above it, in the order of their codes.
    async fn tree(&self) -> Result<BTreeMap<ClassificationCode, ClassificationNode>, Error> {
        let mut nodes = BTreeMap::new();
        for (code, name) in tree::BUILT_IN {
            let node = node(&mut nodes, parse("code", code)?);
            node.name = name.to_owned();
            node.built_in = true;
        }
        for (code, name) in queries::named_classifications(&self.shared.database).await? {
            node(&mut nodes, code).name = name;
        }
        for (code, entries) in queries::published_by_classification(&self.shared.database).await? {
            for above in with_those_above(code) {
                node(&mut nodes, above).published_entries += entries;
            }
        }
        Ok(nodes)
    }
}

fn node(
    nodes: &mut BTreeMap<ClassificationCode, ClassificationNode>,
    code: ClassificationCode,
) -> &mut ClassificationNode {
    let text = code.to_string();
    nodes
        .entry(code)
        .or_insert_with(|| ClassificationNode { code: text, ..ClassificationNode::default() })
}

fn with_those_above(code: ClassificationCode) -> BTreeSet<ClassificationCode> {
    std::iter::successors(Some(code), ClassificationCode::parent).collect()
}
