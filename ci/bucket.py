"""Make the versioned bucket of `ci/jupyter_server_config.py`: ``python -m ci.bucket``."""

import os
from typing import Any

import botocore.session


def store() -> tuple[Any, str]:
    """Return a client of the object store that local CI uses, and the bucket's name."""
    environment = os.environ.get
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=environment("JPYNB_S3_ENDPOINT_URL", "http://127.0.0.1:7480"),
        region_name=environment("JPYNB_S3_REGION_NAME", "us-east-1"),
        aws_access_key_id=environment("JPYNB_S3_ACCESS_KEY_ID", "test"),
        aws_secret_access_key=environment("JPYNB_S3_SECRET_ACCESS_KEY", "testtest"),
    )
    return client, environment("JPYNB_S3_BUCKET", "bookstore")


def main() -> None:
    """Make the bucket."""
    client, bucket = store()
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    print(f"Bucket {bucket} keeps versions.")


if __name__ == "__main__":
    main()
