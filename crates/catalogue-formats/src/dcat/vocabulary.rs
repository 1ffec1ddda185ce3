//! The names that statements are made of.

use oxrdf::NamedNodeRef;

/// A module of names below one namespace.
macro_rules! names {
    ($(#[$doc:meta])* $module:ident, $namespace:literal: $($name:ident = $local:literal),+ $(,)?) => {
        $(#[$doc])*
        pub(super) mod $module {
            use oxrdf::NamedNodeRef;

            /// The namespace.
            pub(crate) const NAMESPACE: &str = $namespace;
            $(pub(crate) const $name: NamedNodeRef<'static> =
                NamedNodeRef::new_unchecked(concat!($namespace, $local));)+
        }
    };
}

names!(dcat, "http://www.w3.org/ns/dcat#":
    CATALOG = "Catalog", DATASET = "Dataset", DISTRIBUTION = "Distribution", DATA_SERVICE = "DataService",
    HAS_DATASET = "dataset", HAS_DISTRIBUTION = "distribution", THEME = "theme",
    KEYWORD = "keyword", VERSION = "version", LANDING_PAGE = "landingPage", ACCESS_URL = "accessURL",
    DOWNLOAD_URL = "downloadURL", ACCESS_SERVICE = "accessService", ENDPOINT_URL = "endpointURL",
    SERVES_DATASET = "servesDataset", MEDIA_TYPE = "mediaType");
names!(dct, "http://purl.org/dc/terms/":
    TITLE = "title", DESCRIPTION = "description", PUBLISHER = "publisher", IDENTIFIER = "identifier",
    ISSUED = "issued", MODIFIED = "modified", ACCRUAL = "accrualPeriodicity", ACCESS_RIGHTS = "accessRights",
    LANGUAGE = "language", SPATIAL = "spatial", FORMAT = "format", RIGHTS = "rights", LICENSE = "license",
    FREQUENCY = "Frequency", RIGHTS_STATEMENT = "RightsStatement",
    LINGUISTIC_SYSTEM = "LinguisticSystem", LOCATION = "Location", MEDIA_TYPE_OR_EXTENT = "MediaTypeOrExtent");
names!(foaf, "http://xmlns.com/foaf/0.1/": AGENT = "Agent", NAME = "name");
names!(skos, "http://www.w3.org/2004/02/skos/core#":
    CONCEPT = "Concept", PREF_LABEL = "prefLabel", NOTATION = "notation");
names!(hydra, "http://www.w3.org/ns/hydra/core#":
    COLLECTION_VIEW = "PartialCollectionView", FIRST = "first", NEXT = "next", NEXT_PAGE = "nextPage");
names!(owl, "http://www.w3.org/2002/07/owl#": VERSION_INFO = "versionInfo");

/// The European authority tables, in which DCAT-AP names frequencies, languages and rights of access.
pub(super) const AUTHORITY: &str = "http://publications.europa.eu/resource/authority/";
pub(super) const TYPE: NamedNodeRef<'static> = oxrdf::vocab::rdf::TYPE;
pub(super) const LABEL: NamedNodeRef<'static> = oxrdf::vocab::rdfs::LABEL;
