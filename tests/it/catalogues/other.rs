//! Another platform's catalogue, in each syntax of DCAT.

/// How many datasets each page has that can be taken; one more cannot.
pub(super) const DATASETS: u64 = 2;

const TURTLE: &str = r#"@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .

<https://ttl.example/catalog> a dcat:Catalog ;
  dcat:dataset <https://ttl.example/d/1>, <https://ttl.example/d/2>, <https://ttl.example/d/3> .
<https://ttl.example/d/1> a dcat:Dataset ; dct:title "行政村名录"@zh, "Villages"@en ;
  dct:publisher [ a foaf:Agent ; foaf:name "四川省民政厅"@zh ] ; dcat:keyword "村" ; dct:modified "2026-01-04" ;
  dcat:distribution [ a dcat:Distribution ; dcat:downloadURL <https://ttl.example/1.csv> ] .
<https://ttl.example/d/2> a dcat:Dataset ; dct:title "医院名录"@zh .
<https://ttl.example/d/3> a dcat:Dataset ; dct:description "没有名称"@zh .
"#;

const RDF_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#"
    xmlns:dct="http://purl.org/dc/terms/">
  <dcat:Catalog rdf:about="https://rdf.example/catalog">
    <dcat:dataset>
      <dcat:Dataset rdf:about="https://rdf.example/d/1">
        <dct:title xml:lang="zh">行政村名录（表）</dct:title>
        <dcat:distribution>
          <dcat:Distribution><dcat:accessURL rdf:resource="https://rdf.example/1"/></dcat:Distribution>
        </dcat:distribution>
      </dcat:Dataset>
    </dcat:dataset>
  </dcat:Catalog>
  <dcat:Dataset rdf:about="https://rdf.example/d/2"><dct:title>医院 &amp; 诊所</dct:title></dcat:Dataset>
  <dcat:Dataset rdf:about="https://rdf.example/d/3"/>
</rdf:RDF>
"#;

const JSON_LD: &str = r#"{
  "@context": {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/",
    "title": { "@id": "dct:title", "@language": "zh" }
  },
  "@id": "https://json.example/catalog", "@type": "dcat:Catalog",
  "dcat:dataset": [
    { "@id": "https://json.example/d/1", "@type": "dcat:Dataset", "title": "行政村名录" },
    { "@id": "https://json.example/d/2", "@type": "dcat:Dataset", "title": "医院名录" },
    { "@id": "https://json.example/d/3", "@type": "dcat:Dataset" }
  ]
}
"#;

pub(super) const fn pages() -> [(&'static str, &'static str); 3] {
    [("other.ttl", TURTLE), ("other.rdf", RDF_XML), ("other.jsonld", JSON_LD)]
}
