"""A server's configuration to try Bookstore with: a Ceph gateway from `ci/ceph.sh start DIR`.

    jupyter lab --config ci/jupyter_server_config.py
    jupyter notebook --config ci/jupyter_server_config.py

`JPYNB_S3_…` environment variables name another store.
"""

import os

c = get_config()  # type: ignore[name-defined]  # noqa: F821

c.BookstoreSettings.s3_bucket = os.environ.get("JPYNB_S3_BUCKET", "bookstore")
c.BookstoreSettings.s3_endpoint_url = os.environ.get(
    "JPYNB_S3_ENDPOINT_URL", "http://127.0.0.1:7480"
)
c.BookstoreSettings.s3_access_key_id = os.environ.get("JPYNB_S3_ACCESS_KEY_ID", "test")
c.BookstoreSettings.s3_secret_access_key = os.environ.get("JPYNB_S3_SECRET_ACCESS_KEY", "testtest")
c.BookstoreSettings.workspace_prefix = "ci-workspace"
c.BookstoreSettings.published_prefix = "ci-published"
