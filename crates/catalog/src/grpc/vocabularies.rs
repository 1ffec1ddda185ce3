//! The names that mean the same.

use std::sync::Arc;

use publicdata_catalog_domain::vocabulary::Command;
use publicdata_event_store::aggregates::Meta;
use publicdata_proto::catalog::v1::vocabulary_service_server::VocabularyService;
use publicdata_proto::catalog::v1::{
    DeclareSynonymsRequest, DeclareSynonymsResponse, GetVocabularyRequest, GetVocabularyResponse,
    SynonymGroup, VocabularyKind, WithdrawSynonymRequest, WithdrawSynonymResponse,
};
use tonic::{Request, Response, Status};

use crate::collecting::{Collecting, ENTITIES, ITEMS};
use crate::error::Error;

/// Answers `VocabularyService`.
#[derive(Debug)]
pub(crate) struct Terms(pub(crate) Arc<Collecting>);

#[tonic::async_trait]
impl VocabularyService for Terms {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn declare_synonyms(
        &self,
        request: Request<DeclareSynonymsRequest>,
    ) -> Result<Response<DeclareSynonymsResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let id = vocabulary(message.kind)?;

        let command = Command::Declare { terms: message.terms, by };
        let sequence = self.execute(id, &meta, command).await?;
        Ok(Response::new(DeclareSynonymsResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn withdraw_synonym(
        &self,
        request: Request<WithdrawSynonymRequest>,
    ) -> Result<Response<WithdrawSynonymResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let id = vocabulary(message.kind)?;

        let command = Command::Withdraw { term: message.term, reason: message.reason, by };
        let sequence = self.execute(id, &meta, command).await?;
        Ok(Response::new(WithdrawSynonymResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_vocabulary(
        &self,
        request: Request<GetVocabularyRequest>,
    ) -> Result<Response<GetVocabularyResponse>, Status> {
        self.0.shared.directory.caller(&request).await?;
        let id = vocabulary(request.get_ref().kind)?;

        let (known, _) = self.0.vocabularies.get(id).await.map_err(Error::from)?;
        let groups = known.groups().map(|terms| SynonymGroup { terms: terms.to_vec() }).collect();
        Ok(Response::new(GetVocabularyResponse { groups }))
    }
}

impl Terms {
    async fn execute(&self, id: &str, meta: &Meta, command: Command) -> Result<u64, Error> {
        Ok(self.0.vocabularies.execute(id, meta, command).await?.sequence)
    }
}

fn vocabulary(kind: i32) -> Result<&'static str, Error> {
    match VocabularyKind::try_from(kind) {
        Ok(VocabularyKind::Entity) => Ok(ENTITIES),
        Ok(VocabularyKind::Item) => Ok(ITEMS),
        Ok(VocabularyKind::Unspecified) | Err(_) => {
            Err(Error::field("kind", "the value is missing or unknown"))
        }
    }
}
