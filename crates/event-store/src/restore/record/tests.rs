use super::*;

/// As nats-server 2.15.1 wrote it.
const WRITTEN: &str = "43000080010000000000000046 4012b47ba7eb18 0d00 65762e6f726967696e616c2e61 12000000 \
    4e4154532f312e300d0a413a20620d0a0d0a 6869 7f62f7c6543a8170";

#[test]
fn record_is_the_servers_own() {
    let checksums = Checksums::of_block("ORIGINAL", 1);
    let time = i64::from_le_bytes([0x46, 0x40, 0x12, 0xb4, 0x7b, 0xa7, 0xeb, 0x18]);

    let record = checksums.encode(&Message {
        sequence: 1,
        time,
        subject: "ev.original.a",
        headers: "NATS/1.0\r\nA: b\r\n\r\n",
        payload: b"hi",
    });

    assert_eq!(hex::encode(record.unwrap()), WRITTEN.replace(' ', ""));
}
