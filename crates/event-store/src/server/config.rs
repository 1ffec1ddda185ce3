//! The child's configuration file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Cluster, ServerOptions, Tls, User};

pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("nats-server.conf")
}

pub(super) fn pid_path(data_dir: &Path) -> PathBuf {
    data_dir.join("nats-server.pid")
}

/// Where the server keeps its streams, below which it makes a folder `jetstream`.
pub(crate) fn store_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("streams")
}

pub(super) fn log_file(options: &ServerOptions) -> PathBuf {
    match &options.log_file {
        Some(path) => path.clone(),
        None => options.data_dir.join("nats-server.log"),
    }
}

/// The configuration. Production clusters use the same settings; the tests keep them honest.
pub(super) fn render(options: &ServerOptions, port: u16, monitor_port: u16) -> String {
    let mut parts = vec![format!(
        "server_name: {name}\n\
         host: {host}\n\
         port: {port}\n\
         http: \"127.0.0.1:{monitor_port}\"\n\
         pid_file: {pid_file}\n\
         log_file: {log_file}\n\
         # Every write is on disk before it is acknowledged.\n\
         jetstream {{\n  store_dir: {store_dir}\n  sync_interval: always\n{domain}}}\n",
        name = quoted(&options.name),
        host = quoted(&options.host),
        pid_file = quoted_path(&pid_path(&options.data_dir)),
        log_file = quoted_path(&log_file(options)),
        domain = options
            .domain
            .as_ref()
            .map(|domain| format!("  domain: {}\n", quoted(domain)))
            .unwrap_or_default(),
        store_dir = quoted_path(&store_dir(&options.data_dir)),
    )];
    if let Some(tls) = &options.tls {
        parts.push(format!("tls {{\n{}  verify_and_map: true\n}}\n", files(tls)));
    }
    if let Some(cluster) = &options.cluster {
        parts.push(render_cluster(cluster, options));
    }
    parts.extend(render_leaf_nodes(options));
    if !options.users.is_empty() {
        let users: String = options.users.iter().map(render_user).collect();
        parts.push(format!("authorization {{\n  users: [\n{users}  ]\n}}\n"));
    }
    if let Some(token) = &options.token {
        parts.push(format!("authorization {{\n  token: {}\n}}\n", quoted(token.expose())));
    }
    parts.concat()
}

fn render_cluster(cluster: &Cluster, options: &ServerOptions) -> String {
    let mut text = format!(
        "cluster {{\n  name: {}\n  host: {}\n  port: {}\n",
        quoted(&cluster.name),
        quoted(&options.host),
        cluster.port
    );
    let routes: Vec<String> =
        cluster.routes.iter().map(|route| quoted(&format!("nats-route://{route}"))).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  routes: [{}]", routes.join(", "));
    if let Some(tls) = &options.tls {
        let _ = writeln!(text, "  tls {{\n{}  verify: true\n}}", files(tls));
    }
    text.push_str("}\n");
    text
}

/// How it is a leaf node, or has some. Each side shows its certificate, and the one that is dialled allows what its user may do.
fn render_leaf_nodes(options: &ServerOptions) -> Option<String> {
    let tls = options.tls.as_ref().map(files);
    let block = |text: &str, more: &str| match &tls {
        Some(files) => format!("{text}  tls {{\n{files}{more}  }}\n"),
        None => text.to_owned(),
    };
    let mut parts = Vec::new();
    if let Some(port) = options.leaf_port {
        let listen = format!("  host: {}\n  port: {port}\n", quoted(&options.host));
        parts.push(block(&listen, "  verify_and_map: true\n"));
    }
    if let Some(address) = &options.leaf_of {
        let scheme = if tls.is_some() { "tls" } else { "nats" };
        let url = format!("  url: {}\n", quoted(&format!("{scheme}://{address}")));
        parts.push(format!("  reconnect: 1s\n  remotes: [ {{\n{}  }} ]\n", block(&url, "")));
    }
    match parts.is_empty() {
        true => None,
        false => Some(format!("leafnodes {{\n{}}}\n", parts.concat())),
    }
}

fn files(tls: &Tls) -> String {
    format!(
        "  cert_file: {}\n  key_file: {}\n  ca_file: {}\n",
        quoted_path(&tls.cert),
        quoted_path(&tls.key),
        quoted_path(&tls.ca)
    )
}

fn render_user(user: &User) -> String {
    let list = |subjects: &[String]| {
        let subjects: Vec<String> = subjects.iter().map(|subject| quoted(subject)).collect();
        subjects.join(", ")
    };
    format!(
        "    {{ user: {}, permissions: {{ publish: [{}], subscribe: [{}] }} }}\n",
        quoted(&user.spiffe_id),
        list(&user.permissions.publish),
        list(&user.permissions.subscribe)
    )
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
