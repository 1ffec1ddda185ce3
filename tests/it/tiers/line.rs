//! A line between two places that can be cut and mended.

use std::net::SocketAddr;

use publicdata_service_kit::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes on to a place what connects to its own address, while it is whole.
pub(super) struct Line {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    _tasks: Tasks,
}

impl Line {
    pub(super) async fn to(place: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, is_whole) = watch::channel(true);
        let tasks = Tasks::new();
        tasks.spawn("line", pass_on(listener, place.to_owned(), is_whole, tasks.clone()));
        Self { address, whole, _tasks: tasks }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Breaks every connection, and lets none through from now on.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn pass_on(
    listener: TcpListener,
    place: String,
    is_whole: watch::Receiver<bool>,
    tasks: Tasks,
) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (place, mut is_whole) = (place.clone(), is_whole.clone());
        if !*is_whole.borrow_and_update() {
            continue;
        }
        tasks.spawn("connection", async move {
            let Ok(mut far) = TcpStream::connect(&place).await else { return };
            tokio::select! {
                // Either end closes when this does.
                _ = is_whole.changed() => {}
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            }
        });
    }
}
