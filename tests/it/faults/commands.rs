//! Commands that come twice, and commands that come at once.

use std::collections::BTreeSet;

use futures::future::join_all;
use publicdata::commands::answer;
use publicdata::commands::grant::{
    Approve, Limits, application, signed_issue, terms_of_application,
};
use publicdata::session::new_command_id;
use publicdata_proto::exchange::v1::RefuseApplicationRequest;

use crate::fleet::{City, Refused, Rows, until};

/// H1: the first answer is given again, and nothing happens twice, even if both come at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_sent_twice_happens_once() {
    let city = City::settled(Rows::few()).await;
    let consumer = city.consumer();
    let request = application(new_command_id(), city.application());

    let calls = (0..8).map(|_| {
        let (mut grants, request) = (consumer.grants().unwrap(), request.clone());
        async move { answer(grants.submit_application(request).await).unwrap() }
    });
    let mut answers = join_all(calls).await;
    let later = consumer.grants().unwrap().submit_application(request.clone()).await;
    answers.push(answer(later).unwrap());

    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.grant_id.clone()).collect();
    assert_eq!(ids.len(), 1);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let told = city.told("ev.exchange.grant.").await;
    let of_command = told.iter().filter(|told| told.command_id == request.command_id).count();
    assert_eq!(of_command, 1);
}

/// H1: of two decisions on one application one is taken, and the other is told so.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_commands_at_once_one_wins() {
    let city = City::settled(Rows::few()).await;
    let (consumer, provider) = (city.consumer(), city.provider());

    for round in 0..5 {
        let request = application(new_command_id(), city.application());
        let applied = consumer.grants().unwrap().submit_application(request).await;
        let grant_id = answer(applied).unwrap().grant_id;
        let approval = Approve {
            id: grant_id.clone(),
            fields: Vec::new(),
            filter: None,
            limits: Limits::default(),
        };
        let terms = until("the bus shows the application", async || {
            terms_of_application(&provider, approval.clone()).await.ok()
        })
        .await;
        let approve = async {
            let request = signed_issue(&provider, new_command_id(), &terms);
            answer(provider.grants().unwrap().issue_grant(request).await).map(drop)
        };
        let refuse = async {
            let request = RefuseApplicationRequest {
                command_id: new_command_id(),
                grant_id: grant_id.clone(),
                legal_basis: "《数据安全法》第二十一条".to_owned(),
                reason: "用途不明确".to_owned(),
            };
            answer(provider.grants().unwrap().refuse_application(request).await).map(drop)
        };
        let (approved, refused) = tokio::join!(approve, refuse);

        assert_ne!(approved.is_ok(), refused.is_ok(), "round {round}");
        let lost = Refused::from(approved.and(refused).unwrap_err());
        assert!(!lost.reason.is_empty() && lost.reason != "INTERNAL", "{lost:?}");
        assert_eq!(city.told(&format!("ev.exchange.grant.{grant_id}")).await.len(), 2);
    }
}
