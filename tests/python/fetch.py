"""Fetches through a data service node with pyarrow alone: what any system that knows Arrow Flight does.

usage: fetch.py NODE NODE_NAME CREDENTIALS TICKET

NODE is host:port, NODE_NAME the DNS name in the node's certificate, CREDENTIALS a folder as `publicdata organisation issue` writes it,
TICKET the JSON that the contract calls `FetchTicket`. The rows go to standard output, one JSON object a line.
"""

import json
import pathlib
import sys

import pyarrow.flight as flight


def main(node: str, node_name: str, credentials: str, ticket: str) -> None:
    folder = pathlib.Path(credentials)
    client = flight.FlightClient(
        f"grpc+tls://{node}",
        tls_root_certs=(folder / "ca.pem").read_bytes(),
        cert_chain=(folder / "tls.pem").read_bytes(),
        private_key=(folder / "tls.key").read_bytes(),
        override_hostname=node_name,
    )
    descriptor = flight.FlightDescriptor.for_command(ticket.encode())
    info = client.get_flight_info(descriptor)
    reader = client.do_get(info.endpoints[0].ticket)
    for chunk in reader:
        for row in chunk.data.to_pylist():
            print(json.dumps(row, ensure_ascii=False, default=str))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except flight.FlightError as error:
        sys.exit(f"refused: {error}")
