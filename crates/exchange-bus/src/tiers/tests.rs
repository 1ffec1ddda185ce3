use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use publicdata_identity::testing;
use publicdata_proto::exchange::v1::tier_service_server::{TierService, TierServiceServer};
use publicdata_proto::exchange::v1::{
    ApplyOnBehalfRequest, ApplyOnBehalfResponse, ConfirmDeliveryOnBehalfRequest,
    ConfirmDeliveryOnBehalfResponse, FetchOnBehalfRequest, FetchOnBehalfResponse,
    FindServicesOnBehalfRequest, FindServicesOnBehalfResponse, GetGrantOnBehalfRequest,
    GetGrantOnBehalfResponse, OpenTunnelRequest, OpenTunnelResponse,
};
use publicdata_service_kit::Tasks;
use publicdata_service_kit::grpc::{channel_over, connection, serve_over};
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::*;
use crate::config::SubordinateConfig;

/// How long a bus is waited for that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
const BY: &str = "spiffe://test.internal/org/91350100M000100Y43/node/n";

/// A city's bus with its districts, which are connected.
struct City {
    tiers: Tiers,
    tasks: Tasks,
    connections: Vec<Connection>,
    /// Of districts that do not answer.
    silent: Vec<DuplexStream>,
}

/// A bus that has every grant.
struct Having;

/// R24.1: however many buses do not answer, it takes no longer than one of them.
#[tokio::test(start_paused = true)]
async fn buses_that_do_not_answer_are_waited_for_together() {
    let mut city = City::of(12);
    for index in 0..12 {
        city.connect_silent(index);
    }
    let asked = Instant::now();

    let found = city.find(3).await;

    assert!(matches!(found, Err(Error::TierUnreachable { .. })), "{found:?}");
    let waited = asked.elapsed();
    assert!((PATIENCE..PATIENCE * 2).contains(&waited), "{waited:?}");
}

/// R24.1: what one bus has is there at once, though others do not answer.
#[tokio::test(start_paused = true)]
async fn a_grant_is_found_before_others_have_answered() {
    let mut city = City::of(4);
    for index in 0..3 {
        city.connect_silent(index);
    }
    city.connect_having(3);
    let asked = Instant::now();

    let (peer, found) = city.find(3).await.unwrap().unwrap();

    assert_eq!((peer.id(), found.id), (&district(3), grant().to_string()));
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    assert_eq!(city.tiers.place_of(grant()), Some(district(3)));
}

/// R24.1: a bus that claims a grant of another division does not take it over while the one that decides has not answered.
#[tokio::test(start_paused = true)]
async fn a_claim_of_another_division_counts_only_if_nobody_else_has_it() {
    let mut city = City::of(2);
    city.connect_having(0);
    city.connect_silent(1);

    let found = city.find(1).await;

    assert!(matches!(found, Err(Error::TierUnreachable { .. })), "{found:?}");
    assert_eq!(city.tiers.place_of(grant()), None);
}

/// R24.1: a grant stays where it is when its provider moves.
#[tokio::test(start_paused = true)]
async fn a_grant_is_found_where_its_provider_was() {
    let mut city = City::of(1);
    city.connect_having(0);

    let (peer, _) = city.find(1).await.unwrap().unwrap();

    assert_eq!(peer.id(), &district(0));
    assert_eq!(city.tiers.place_of(grant()), None);
}

fn grant() -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(5))
}

fn district(index: u32) -> SpiffeId {
    testing::service(&format!("exchange-bus-{index}"))
}

fn region(index: u32) -> RegionCode {
    format!("5101{:02}", index + 4).parse().unwrap()
}

// === impl City ===

impl City {
    fn of(districts: u32) -> Self {
        let subordinate = (0..districts)
            .map(|index| SubordinateConfig { server: district(index), region: region(index) })
            .collect();
        let config = TierConfig { subordinate, ..TierConfig::default() };
        let own = testing::credentials(&testing::authority(), &testing::service("exchange-bus"));
        Self {
            tiers: Tiers::new(&config, &own).unwrap(),
            tasks: Tasks::new(),
            connections: Vec::new(),
            silent: Vec::new(),
        }
    }

    /// Looks for a grant of this district's provider.
    async fn find(&self, index: u32) -> Result<Option<(Peer, Grant)>, Error> {
        let region_of = |_| async move { Ok(region(index)) };
        self.tiers.find(grant(), (BY, None), region_of).await
    }

    fn connect(&mut self, index: u32) -> DuplexStream {
        let (near, far) = connection();
        let channel = channel_over(near, &testing::service("exchange-bus"), &district(index));
        self.connections.push(self.tiers.connect(&district(index), channel, Timestamp::UNIX_EPOCH));
        far
    }

    fn connect_silent(&mut self, index: u32) {
        let far = self.connect(index);
        self.silent.push(far);
    }

    fn connect_having(&mut self, index: u32) {
        let far = self.connect(index);
        let routes = Routes::new(TierServiceServer::new(Having));
        self.tasks.try_spawn("district", serve_over(far, district(index), routes));
    }
}

// === impl Having ===

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl TierService for Having {
    type FetchOnBehalfStream = Answers<FetchOnBehalfResponse>;
    type OpenTunnelStream = Answers<OpenTunnelResponse>;

    async fn get_grant_on_behalf(
        &self,
        request: Request<GetGrantOnBehalfRequest>,
    ) -> Result<Response<GetGrantOnBehalfResponse>, Status> {
        let id = request.into_inner().grant_id;
        let grant = Grant { resource_id: id.clone(), id, ..Grant::default() };
        Ok(Response::new(GetGrantOnBehalfResponse { grant: Some(grant) }))
    }

    async fn apply_on_behalf(
        &self,
        _: Request<ApplyOnBehalfRequest>,
    ) -> Result<Response<ApplyOnBehalfResponse>, Status> {
        Err(not_asked())
    }

    async fn find_services_on_behalf(
        &self,
        _: Request<FindServicesOnBehalfRequest>,
    ) -> Result<Response<FindServicesOnBehalfResponse>, Status> {
        Err(not_asked())
    }

    async fn fetch_on_behalf(
        &self,
        _: Request<FetchOnBehalfRequest>,
    ) -> Result<Response<Self::FetchOnBehalfStream>, Status> {
        Err(not_asked())
    }

    async fn confirm_delivery_on_behalf(
        &self,
        _: Request<ConfirmDeliveryOnBehalfRequest>,
    ) -> Result<Response<ConfirmDeliveryOnBehalfResponse>, Status> {
        Err(not_asked())
    }

    async fn open_tunnel(
        &self,
        _: Request<Streaming<OpenTunnelRequest>>,
    ) -> Result<Response<Self::OpenTunnelStream>, Status> {
        Err(not_asked())
    }
}

fn not_asked() -> Status {
    Status::unimplemented("nobody asks this here")
}
