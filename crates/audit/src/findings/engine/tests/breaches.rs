//! What article 46 forbids, clause by clause.

use super::*;

/// R46.1 (1): what was ordered to be consolidated does not flow; shared data is not updated.
#[tokio::test]
async fn clause_1_consolidating_and_sharing() {
    let ordered = catalog::ConsolidationOrdered {
        provider_code: PROVIDER.to_owned(),
        centre_code: CENTRE.to_owned(),
        ..catalog::ConsolidationOrdered::default()
    };
    let settings = exchange::SubscriptionSettings {
        resource_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CENTRE.to_owned(),
        ..exchange::SubscriptionSettings::default()
    };
    let others =
        exchange::SubscriptionSettings { consumer_code: CONSUMER.to_owned(), ..settings.clone() };
    let others = exchange::SubscriptionOpened { settings: Some(others) };
    let opened = exchange::SubscriptionOpened { settings: Some(settings) };
    let story =
        || Story::new().event(&subject("catalog.consolidation"), &ordered).at("2026-03-01T09:00");
    let flows = format!("exchange.subscription.{OTHER_ID}");
    let story = story().event(&flows, &opened);
    let rule = "consolidation-not-flowing";
    story.finds(rule, 1, "2026-02-05", Some("2026-03-01")).against(PROVIDER, None).await;

    // In time; the same order again, on another basis, is no new one.
    let early = Story::new()
        .event(&subject("catalog.consolidation"), &ordered)
        .at("2026-01-20T09:00")
        .event(&flows, &opened)
        .event(&subject("catalog.consolidation"), &ordered);
    assert_eq!(early.found(rule, Some("2026-06-01")).await, Vec::new());
    // That somebody else has the data is not the centre's having it.
    let elsewhere =
        Story::new().event(&subject("catalog.consolidation"), &ordered).event(&flows, &others);
    assert_eq!(elsewhere.found(rule, Some("2026-06-01")).await.len(), 1);

    missed_and_met(catalog::ObligationKind::DataUpdate)
        .finds("data-update-missed", 1, "2026-02-02", Some("2026-02-09"))
        .against(PROVIDER, None)
        .await;
}

/// R46.1 (2): copies that differ, rows that break the rules, errors again and again, tickets without answer.
#[tokio::test]
async fn clause_2_untrue_and_incomplete_data() {
    let settings = exchange::SubscriptionSettings {
        provider_code: PROVIDER.to_owned(),
        ..exchange::SubscriptionSettings::default()
    };
    let reconciled = |equal| exchange::SubscriptionReconciled {
        equal,
        ..exchange::SubscriptionReconciled::default()
    };
    let on = subject("exchange.subscription");
    Story::new()
        .event(&on, &exchange::SubscriptionOpened { settings: Some(settings) })
        .event(&on, &reconciled(true))
        .at("2026-02-02T08:00")
        .event(&on, &reconciled(false))
        .at("2026-02-03T08:00")
        .event(&on, &reconciled(true))
        .finds("copies-differ", 2, "2026-02-02", Some("2026-02-03"))
        .against(PROVIDER, None)
        .await;

    let (on, after) = (subject("exchange.transfer"), format!("exchange.transfer.{OTHER_ID}"));
    Story::new()
        .event(&on, &bulk())
        .event(&on, &completed(90, 10))
        .at("2026-02-02T08:00")
        .event(&after, &bulk())
        .event(&after, &completed(100, 0))
        .finds("rows-rejected", 2, "2026-01-05", Some("2026-02-02"))
        .against(PROVIDER, None)
        .await;

    let raised = exchange::TicketRaised {
        resource_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        ..exchange::TicketRaised::default()
    };
    let mut story = Story::new();
    for (ticket, day) in
        [("a", "2026-02-01T09:00"), ("b", "2026-03-01T09:00"), ("c", "2026-04-01T09:00")]
    {
        let on = format!("exchange.ticket.{ticket}");
        story = story.at(day).event(&on, &raised).event(&on, &exchange::TicketUpheld::default());
    }
    story.finds("errors-upheld", 2, "2026-04-01", None).against(PROVIDER, None).await;

    let on = subject("exchange.ticket");
    Story::new()
        .event(&on, &raised)
        .at("2026-01-20T00:10")
        .event(&on, &exchange::TicketOverdue::default())
        .at("2026-01-21T09:00")
        .event(&on, &exchange::TicketRejected::default())
        .finds("ticket-unanswered", 2, "2026-01-20", Some("2026-01-21"))
        .against(PROVIDER, None)
        .await;
}

/// R21.1, R46.1 (3): who may ask for proofs, and never does, may still ask applicants for papers.
#[tokio::test]
async fn clause_3_asked_again() {
    let granted = |mode: catalog::DeliveryMode| {
        let terms = exchange::GrantTerms {
            consumer_code: CONSUMER.to_owned(),
            delivery_modes: vec![mode.into()],
            ..exchange::GrantTerms::default()
        };
        let grant = SignedMessage { message: terms.encode_to_vec(), signature: None };
        exchange::GrantIssued { grant: Some(grant) }
    };
    let on = subject("exchange.grant");
    let rule = "proofs-never-asked-for";
    Story::new()
        .event(&on, &granted(catalog::DeliveryMode::Query))
        .at("2026-05-01T08:00")
        .event("exchange.transfer.1", &requested(catalog::DeliveryMode::Query, &["code"]))
        .finds(rule, 3, "2026-04-06", Some("2026-05-01"))
        .against(CONSUMER, None)
        .await;
    let bulk = Story::new().event(&on, &granted(catalog::DeliveryMode::Bulk));
    assert_eq!(bulk.found(rule, Some("2026-06-01")).await, Vec::new());
}

/// R46.1 (4): the catalogue is not kept up.
#[tokio::test]
async fn clause_4_catalogue() {
    missed_and_met(catalog::ObligationKind::CatalogueUpdate)
        .finds("catalogue-update-missed", 4, "2026-02-02", Some("2026-02-09"))
        .against(PROVIDER, None)
        .await;

    let on = subject("catalog.resource");
    let drafted = catalog::ResourceDrafted {
        description: description(),
        ..catalog::ResourceDrafted::default()
    };
    Story::new()
        .event(&on, &drafted)
        .event(&on, &catalog::ResourceReturned::default())
        .at("2026-02-10T08:00")
        .event(&on, &catalog::ResourceSubmitted::default())
        .finds("returned-entry-left", 4, "2026-02-05", Some("2026-02-10"))
        .against(PROVIDER, None)
        .await;
}

/// R46.1 (5): applications that wait too long.
#[tokio::test]
async fn clause_5_applications() {
    let on = subject("exchange.grant");
    Story::new()
        .event(&on, &applied())
        .at("2026-01-20T00:10")
        .event(&on, &exchange::ApplicationOverdue::default())
        .at("2026-01-22T09:00")
        .event(&on, &exchange::GrantIssued { grant: Some(SignedMessage::default()) })
        .finds("application-overdue", 5, "2026-01-20", Some("2026-01-22"))
        .against(PROVIDER, None)
        .await;
}

/// R28.1, R46.1 (5): an application was refused, and the authority found that the refusal does not stand. A grant for the same resource
/// clears it; a refusal that stands is no finding.
#[tokio::test]
async fn clause_5_refusals_without_basis() {
    let on = subject("exchange.dispute");
    let raised = |kind: exchange::DisputeMatterKind| exchange::DisputeRaised {
        matter_kind: kind.into(),
        matter_id: ID.to_owned(),
        resource_id: OTHER_ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        author_code: CONSUMER.to_owned(),
        ..exchange::DisputeRaised::default()
    };
    let decided = |kind, outcome: exchange::DisputeOutcome| {
        let decided = exchange::DisputeDecided {
            outcome: outcome.into(),
            ..exchange::DisputeDecided::default()
        };
        Story::new().event(&on, &raised(kind)).at("2026-02-10T08:00").event(&on, &decided)
    };
    let granted_to = |consumer: &str| {
        let terms = exchange::GrantTerms {
            resource_id: OTHER_ID.to_owned(),
            consumer_code: consumer.to_owned(),
            ..exchange::GrantTerms::default()
        };
        let grant = SignedMessage { message: terms.encode_to_vec(), signature: None };
        exchange::GrantIssued { grant: Some(grant) }
    };
    let (rule, grant) = ("refused-without-basis", subject("exchange.grant"));
    let application = exchange::DisputeMatterKind::Application;
    decided(application, exchange::DisputeOutcome::ForConsumer)
        .at("2026-02-20T08:00")
        .event(&grant, &granted_to(CONSUMER))
        .finds(rule, 5, "2026-02-10", Some("2026-02-20"))
        .against(PROVIDER, None)
        .await;
    // In part is enough, and what others are granted mends nothing.
    decided(application, exchange::DisputeOutcome::ForBoth)
        .at("2026-02-20T08:00")
        .event(&grant, &granted_to(CENTRE))
        .finds(rule, 5, "2026-02-10", None)
        .against(PROVIDER, None)
        .await;
    for (kind, outcome) in [
        (application, exchange::DisputeOutcome::ForProvider),
        // What a decision from before outcomes were recorded meant, nobody can say.
        (application, exchange::DisputeOutcome::Unspecified),
        (exchange::DisputeMatterKind::Ticket, exchange::DisputeOutcome::ForConsumer),
    ] {
        assert_eq!(decided(kind, outcome).found(rule, None).await, Vec::new());
    }
}

/// R9.1, R46.1 (6): a network was built without an opinion, and merged afterwards.
#[tokio::test]
async fn clause_6_networks() {
    let built = |basis: catalog::NetworkBasis| catalog::NetworkBuilt {
        organisation_code: PROVIDER.to_owned(),
        basis: basis.into(),
        ..catalog::NetworkBuilt::default()
    };
    let on = subject("catalog.network");
    Story::new()
        .event(&on, &built(catalog::NetworkBasis::WithoutOpinion))
        .at("2026-02-02T08:00")
        .event(&on, &catalog::NetworkMerged::default())
        .finds("network-without-opinion", 6, "2026-01-05", Some("2026-02-02"))
        .against(PROVIDER, None)
        .await;
    let agreed = Story::new().event(&on, &built(catalog::NetworkBasis::Agreed));
    assert_eq!(agreed.found("network-without-opinion", None).await, Vec::new());
}

/// R8.2, R46.1 (7): a system is integrated after its day.
#[tokio::test]
async fn clause_7_systems() {
    let on = subject("catalog.system");
    let integrated =
        catalog::SystemChanged { description: system(catalog::SystemIntegration::Integrated) };
    Story::new()
        .event(&on, &system_registered())
        .at("2026-04-20T08:00")
        .event(&on, &integrated)
        .finds("system-not-integrated", 7, "2026-04-01", Some("2026-04-20"))
        .against(PROVIDER, None)
        .await;
    let in_time = Story::new().event(&on, &system_registered()).event(&on, &integrated);
    assert_eq!(in_time.found("system-not-integrated", Some("2026-06-01")).await, Vec::new());
}

/// R11.1, R46.1 (8): resources and systems without backup, and those that gave it up.
#[tokio::test]
async fn clause_8_backup() {
    let enrolled = catalog::RecoveryEnrolled {
        organisation_code: PROVIDER.to_owned(),
        ..catalog::RecoveryEnrolled::default()
    };
    let (resource, recovery) = (subject("catalog.resource"), subject("catalog.recovery"));
    let drafted = catalog::ResourceDrafted {
        description: description(),
        ..catalog::ResourceDrafted::default()
    };
    let published = catalog::ResourcePublished { version: 1, ..Default::default() };
    Story::new()
        .event(&resource, &drafted)
        .event(&resource, &published)
        .at("2026-02-20T08:00")
        .event(&recovery, &enrolled)
        .finds("resource-not-backed-up", 8, "2026-02-05", Some("2026-02-20"))
        .against(PROVIDER, None)
        .await;
    Story::new()
        .event(&subject("catalog.system"), &system_registered())
        .at("2026-02-20T08:00")
        .event(&recovery, &enrolled)
        .finds("system-not-backed-up", 8, "2026-02-05", Some("2026-02-20"))
        .against(PROVIDER, None)
        .await;
    Story::new()
        .event(&recovery, &enrolled)
        .at("2026-02-20T08:00")
        .event(&recovery, &catalog::RecoveryWithdrawn::default())
        .at("2026-02-25T08:00")
        .event(&recovery, &enrolled)
        .finds("backup-given-up", 8, "2026-02-20", Some("2026-02-25"))
        .against(PROVIDER, None)
        .await;
}

/// R42.1, R43.1, R46.1 (9): a drill that was never closed, an organisation without a security officer.
#[tokio::test]
async fn clause_9_security() {
    let opened = catalog::SecurityRecordOpened {
        organisation_code: PROVIDER.to_owned(),
        due_on: "2026-01-31".to_owned(),
        ..catalog::SecurityRecordOpened::default()
    };
    let on = subject("catalog.security-record");
    Story::new()
        .event(&on, &opened)
        .at("2026-02-03T08:00")
        .event(&on, &catalog::SecurityRecordClosed::default())
        .finds("security-record-overdue", 9, "2026-02-01", Some("2026-02-03"))
        .against(PROVIDER, None)
        .await;

    let other = "11510100MB0000027K";
    let on = format!("catalog.organisation.{other}");
    let officer = catalog::SecurityOfficerAppointed { account: "so-1".to_owned() };
    Story::new()
        .event(&on, &registered(other, catalog::Role::Provider))
        .at("2026-02-10T08:00")
        .event(&on, &officer)
        .finds("no-security-officer", 9, "2026-02-05", Some("2026-02-10"))
        .against(other, None)
        .await;
}

/// R30.1, R46.1 (10): attempts to use data for something else than was granted.
#[tokio::test]
async fn clause_10_use() {
    let mut story = Story::new();
    for (number, reason) in
        ["PURPOSE_DIFFERS", "FIELD_OUTSIDE_GRANT", "PURPOSE_DIFFERS"].iter().enumerate()
    {
        let on = format!("exchange.transfer.{number}");
        story = story.event(&on, &bulk()).event(&on, &refused(reason));
    }
    let found = {
        let Story { events, at } = &story;
        Story { events: events.clone(), at: *at }.found("used-outside-purpose", None).await
    };
    assert_eq!(found[0].measured.as_deref(), Some("3 in 720h, from 3 on"));
    assert_eq!(found[0].evidence.len(), 3);
    // A fourth within the time is the same finding; one after it is another.
    let on = "exchange.transfer.9";
    story = story.event(on, &bulk()).event(on, &refused("PURPOSE_DIFFERS"));
    story.finds("used-outside-purpose", 10, "2026-01-05", None).against(CONSUMER, None).await;
}

/// R20.1, R46.1 (11): an item of a library that its department does not keep up.
#[tokio::test]
async fn clause_11_others() {
    missed_and_met(catalog::ObligationKind::LibraryItem)
        .finds("library-item-missed", 11, "2026-02-02", Some("2026-02-09"))
        .against(PROVIDER, None)
        .await;
}
