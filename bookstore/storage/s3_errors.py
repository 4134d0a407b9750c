"""Translate botocore's errors into those of a store, each with a sentence on what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import ClientPayloadError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from .errors import BucketNotFound, StoreError, StoreRefused, StoreUnavailable, VersionNotFound
from .options import S3Options
from .s3_connection import Redirected

_TRY_LATER = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"}
_NOT_THERE = {"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"}
_QUERY = re.compile(r"\?[^\s\"']*")  # of a URL in a message: a signature may be in it
_IN_COLD_STORAGE = "InvalidObjectState"
_CREDENTIALS = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "401",
    "403",
}
# The last two: an answer breaks off.
_NETWORK_ERRORS = (
    BotoConnectionError,
    HTTPClientError,
    OSError,
    asyncio.TimeoutError,
    IncompleteReadError,
    ClientPayloadError,
)


class S3Errors:
    """Translate the errors of requests to a bucket.

    Parameters
    ----------
    options : S3Options
        Those of the bucket.
    refuse_credentials : callable
        Called where the credentials are missing or refused.
    """

    def __init__(self, options: S3Options, refuse_credentials: Callable[[], None]) -> None:
        self._options = options
        self._refuse_credentials = refuse_credentials
        self._place = f"{options.endpoint_url} (bucket {options.bucket!r})"

    @contextmanager
    def translated(self, key: str = "", version_id: str | None = None) -> Iterator[None]:
        """Translate botocore's errors, the most specific first."""
        place = self._place
        try:
            yield
        except ClientError as error:
            if _is_page(error):
                raise _not_a_store(place) from error
            raise self.of_answer(error, key, version_id) from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            self._refuse_credentials()
            raise StoreRefused(
                f"There are no credentials for {place}: set s3_access_key_id and"
                " s3_secret_access_key, or one of the places where botocore looks."
            ) from error
        except ProfileNotFound as error:
            self._refuse_credentials()
            raise StoreRefused(
                f"There is no profile {self._options.profile!r} in the AWS configuration:"
                " correct s3_profile."
            ) from error
        except Redirected as error:
            raise StoreRefused(
                f"{place} redirects to another address, where nothing is sent: correct"
                " s3_endpoint_url."
            ) from error
        except (ResponseParserError, KeyError) as error:
            raise _not_a_store(place) from error
        except _NETWORK_ERRORS as error:
            raise StoreUnavailable(
                f"The object store at {place} cannot be reached: {_reason(error)}."
            ) from error
        except (BotoCoreError, ValueError) as error:
            raise StoreRefused(
                f"A request to {place} cannot be made: {_reason(error)}. Check s3_endpoint_url,"
                " s3_bucket and s3_put_options."
            ) from error

    def of_answer(self, error: ClientError, key: str, version_id: str | None) -> StoreError:
        """Return the error for an answer that is one."""
        place = self._place
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return BucketNotFound(
                f"There is no bucket {self._options.bucket!r} at {self._options.endpoint_url}:"
                " create it with versioning on, or correct s3_bucket."
            )
        # What is no version id at all is answered as a bad argument.
        if code in _NOT_THERE or (version_id and code == "InvalidArgument"):
            return VersionNotFound(key, version_id)
        if code in _TRY_LATER or status >= 500 or status == 429:
            return StoreUnavailable(
                f"The object store at {place} is not ready: it answered {status} {code}."
            )
        is_refused = code in _CREDENTIALS or (status in (401, 403) and code != _IN_COLD_STORAGE)
        if is_refused and code != "AccessDenied":  # which other ones would not change
            self._refuse_credentials()
        if code == "RequestTimeTooSkewed":
            return StoreRefused(
                f"The clocks of this machine and of {place} differ too much: correct this one's."
            )
        if is_refused:
            return StoreRefused(
                f"{place} refused Bookstore's credentials ({code}): check s3_access_key_id,"
                " s3_secret_access_key and the permissions that come with them."
            )
        mend = "; have it restored there, then try again" if code == _IN_COLD_STORAGE else ""
        message = f"{place} would not take the request: it answered {status} {code}{mend}."
        return StoreError(message)


def _is_page(error: ClientError) -> bool:
    """Return whether a page was answered; botocore reports a successful one as an error 500."""
    answer = error.response.get("ResponseMetadata", {})
    media_type = str(answer.get("HTTPHeaders", {}).get("content-type", ""))
    return media_type.startswith("text/html") and answer.get("HTTPStatusCode") in (400, 403, 500)


def _not_a_store(place: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"What answers at {place} is not an object store: check s3_endpoint_url, and the proxy or"
        " login page that may be on the way."
    )


def _reason(error: BaseException) -> str:
    reason = (str(error) or type(error).__name__).rstrip(".")
    return _QUERY.sub("", " ".join(reason.split()))  # botocore writes some in several lines
