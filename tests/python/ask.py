"""Asks a data service through a data service node with nothing but gRPC stubs that were generated from the contracts.

usage: ask.py NODE NODE_NAME CREDENTIALS PROTO REQUEST

NODE, NODE_NAME and CREDENTIALS as for fetch.py; PROTO is the folder of the contracts, REQUEST a `QueryRequest` in protobuf's JSON form.
The answer goes to standard output, in protobuf's JSON form.
"""

import pathlib
import sys
import tempfile

import grpc
from google.protobuf import json_format
from grpc_tools import protoc


def generate(proto: str, target: str) -> None:
    files = [str(path) for path in pathlib.Path(proto).rglob("*.proto")]
    arguments = ["protoc", f"--proto_path={proto}", f"--python_out={target}", f"--grpc_python_out={target}"]
    # What protobuf itself defines, such as timestamps.
    arguments.append(f"--proto_path={pathlib.Path(protoc.__file__).parent / '_proto'}")
    if protoc.main(arguments + files) != 0:
        sys.exit("the contracts do not compile")


def main(node: str, node_name: str, credentials: str, proto: str, request: str) -> None:
    folder = pathlib.Path(credentials)
    with tempfile.TemporaryDirectory() as stubs:
        generate(proto, stubs)
        sys.path.insert(0, stubs)
        from publicdata.node.v1 import service_pb2, service_pb2_grpc

        channel_credentials = grpc.ssl_channel_credentials(
            root_certificates=(folder / "ca.pem").read_bytes(),
            private_key=(folder / "tls.key").read_bytes(),
            certificate_chain=(folder / "tls.pem").read_bytes(),
        )
        options = [("grpc.ssl_target_name_override", node_name)]
        with grpc.secure_channel(node, channel_credentials, options) as channel:
            client = service_pb2_grpc.NodeServiceStub(channel)
            answer = client.Query(json_format.Parse(request, service_pb2.QueryRequest()), timeout=60)
            print(json_format.MessageToJson(answer, indent=None, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(f"refused: {error.code().name}: {error.details()}")
