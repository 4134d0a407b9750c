"""Clone a notebook by a link, as a browser does: the page first, then the request it makes.

Against a server that runs beside it:

    ci/ceph.sh start /tmp/ceph
    python -m ci.bucket
    jupyter lab --config ci/jupyter_server_config.py --IdentityProvider.token=secret
    python -m ci.clone_request http://localhost:8888 secret bookstore ci-published/report.ipynb
"""

import argparse
from typing import Any

import requests


def clone(
    url: str, token: str, bucket: str, key: str, version_id: str = ""
) -> tuple[str, dict[str, Any]]:
    """Ask for the clone page, then clone what it shows.

    Parameters
    ----------
    url
        The server's address with its `base_url`.
    token
        The server's token.
    bucket, key
        What to clone.
    version_id
        Which version of it; the newest if empty.

    Returns
    -------
    tuple
        The page as HTML, and the contents model of the clone.

    Raises
    ------
    requests.HTTPError
        If the server refuses either request.
    """
    what = {"s3_bucket": bucket, "s3_key": key}
    if version_id:
        what["s3_version_id"] = version_id
    with requests.Session() as session:
        session.headers["Authorization"] = f"token {token}"
        page = session.get(f"{url}/bookstore/clone", params=what, timeout=60)
        page.raise_for_status()
        answer = session.post(f"{url}/api/bookstore/clone", json=what, timeout=60)
        answer.raise_for_status()
        return page.text, answer.json()


def main() -> None:
    """Clone what the command line names, and print where the clone is."""
    parser = argparse.ArgumentParser(description="Clone a notebook by a link.")
    for name in ("url", "token", "bucket", "key"):
        parser.add_argument(name)
    parser.add_argument("version_id", nargs="?", default="")
    page, model = clone(**vars(parser.parse_args()))
    print(f"The page has {len(page)} characters.")
    print(f"{model['s3_path']} was cloned to {model['path']}.")


if __name__ == "__main__":
    main()
