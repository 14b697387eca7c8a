"""An S3 server on loopback: moto's, in a thread of this process. `S3.fault` lets requests fail; `S3.user` has rights as IAM gives them."""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import requests
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "results"
REGION = "us-east-1"


class Silent(WSGIRequestHandler):
    """Says nothing on the terminal."""

    def log(self, type: str, message: str, *args: object) -> None:
        return


class S3:
    """The server: its address, what it was asked for, and how it is to fail."""

    def __init__(self, folder: Path) -> None:
        self.seen: list[tuple[str, str]] = []  # (method, path)
        # how a request fails: "500", "cut" (the connection ends without an answer), or "" for not at all
        self.fault: Callable[[str, str], str] = lambda method, path: ""
        self._empty = folder / "no-settings"  # of the person who runs the tests, nothing is read
        self._empty.touch()
        self._users = itertools.count()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=Silent)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.client().create_bucket(Bucket=BUCKET)

    def _app(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append((method, path))
        fault = self.fault(method, path)
        if fault == "cut":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        if fault:  # moto is not asked: it might have the whole body already, and keep it
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        return self._moto(environ, start_response)

    def client(self, service: str = "s3"):
        """boto3's client of the owner of everything."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="owner", aws_secret_access_key="owner"
        )

    def names(self) -> set[str]:
        """Everything in the bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def environment(self, key: str = "AKIAOWNER", secret: str = "owners-secret") -> dict[str, str]:
        """Variables that let a program find and enter the server; nothing of them is in a file."""
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(self._empty),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._empty),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "2",  # a server that fails is tried once more, at once
        }

    @contextmanager
    def user(self, *actions: str) -> Iterator[dict[str, str]]:
        """The environment of a user who may do so much in the bucket; inside of the block, rights are checked."""
        iam, name = self.client("iam"), f"user{next(self._users)}"
        iam.create_user(UserName=name)
        allowed = {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", *actions], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        requests.post(f"{self.url}/moto-api/reset-auth", data=b"0").raise_for_status()
        try:
            yield self.environment(made["AccessKeyId"], made["SecretAccessKey"])
        finally:
            requests.post(f"{self.url}/moto-api/reset-auth", data=b"inf").raise_for_status()

    def close(self) -> None:
        """Stop it; everything in it is gone."""
        requests.post(f"{self.url}/moto-api/reset").raise_for_status()
        self._server.shutdown()
        self._thread.join()
