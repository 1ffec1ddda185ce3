//! Compiles `/proto` with `protox`, so that no `protoc` is needed.

use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_methods, reason = "a build script is configured by its environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());

    let descriptors = protox::compile(proto_files(&root)?, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;

    // Type names and URLs: an event travels as `Any`, named by them.
    let mut config = tonic_prost_build::Config::new();
    config.btree_map(["."]).enable_type_names().type_name_domain(["."], "type.googleapis.com");
    // Frames pass through many hands; `Bytes` makes that a reference count instead of a copy.
    tonic_prost_build::configure()
        .bytes(".publicdata.exchange.v1.Frame.sealed")
        .bytes(".publicdata.exchange.v1.OpenTunnelRequest.data")
        .bytes(".publicdata.exchange.v1.OpenTunnelResponse.data")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}

fn proto_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
