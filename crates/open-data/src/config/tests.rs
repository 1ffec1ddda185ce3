use super::*;

fn config() -> Config {
    Config::new(loopback(), loopback(), "sqlite:views.db", "content")
}

#[test]
fn a_site_has_no_path() {
    for url in ["https://data.example.gov.cn", "http://127.0.0.1:8080"] {
        let config = Config { public_url: Some(url.to_owned()), ..config() };
        assert_eq!(config.validate(), Ok(()), "{url}");
    }
    for url in ["", "data.example.gov.cn", "ftp://x", "https://", "https://x/", "https://x/open"] {
        let config = Config { public_url: Some(url.to_owned()), ..config() };
        assert_eq!(config.validate(), Err(ConfigError::PublicUrl), "{url}");
    }
}

#[test]
fn a_limit_of_nothing_is_refused() {
    let config = Config { content_bytes_max: 0, ..config() };
    assert_eq!(config.validate(), Err(ConfigError::ContentBytesMax));
}
