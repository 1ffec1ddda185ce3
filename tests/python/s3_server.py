"""A server that speaks S3 (moto) on a free port of loopback, for the tests of archives: python3 s3_server.py BUCKET

It has this one bucket, and lets one key in, whose signatures it checks. It tells its address and the key's name and secret on a line, and
serves until its standard input ends.
"""

import json
import logging
import os
import sys

# Whoever asks needs a key, from the first request on.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"

from moto.core import DEFAULT_ACCOUNT_ID  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # noqa: E402
from moto.s3.models import s3_backends  # noqa: E402

USER = "archivist"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def main() -> None:
    """Serves."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    users = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    users.create_user(region_name="us-east-1", user_name=USER, path="/", tags=[])
    users.put_user_policy(USER, "archives", json.dumps(POLICY))
    key = users.create_access_key(USER)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(sys.argv[1], "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port} {key.access_key_id} {key.secret_access_key}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
