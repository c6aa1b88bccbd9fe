"""The real service: its addresses, operation, parameters, bindings and results, each spelled once, and a call of it.

Source: the public help page of the service, ``https://secure.logmeinrescue.com/API/API.asmx?op=startSession``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

HOST: Final = "secure.logmeinrescue.com"
SERVICE: Final = "API"
SERVICE_PATH: Final = "/API/API.asmx"
NAMESPACE: Final = f"https://{HOST}{SERVICE_PATH}"
OPERATION: Final = "startSession"
DESCRIPTION: Final = "Starts the selected session"
SOAP_ACTION: Final = f"{NAMESPACE}/{OPERATION}"

SESSION: Final = "iSession"
NODE: Final = "iNode"
AUTH_CODE: Final = "sAuthCode"
PARAMETERS: Final = (SESSION, NODE, AUTH_CODE)

RESPONSE: Final = "startSessionResponse"
RESPONSE_RESULT: Final = "startSessionResult"
RESULT_TYPE: Final = "startSessionRet"

SOAP11_NS: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12_NS: Final = "http://www.w3.org/2003/05/soap-envelope"

INT32_MIN: Final = -2147483648
INT32_MAX: Final = 2147483647


class Binding(str, Enum):
    __hash__ = str.__hash__  # in C, unlike Enum's own; bindings are dict keys on the hot path

    SOAP11 = "soap11"
    SOAP12 = "soap12"
    GET = "get"
    POST = "post"


class Result(str, Enum):
    __hash__ = str.__hash__

    ERROR = "startSessionRet_Error"
    OK = "startSessionRet_OK"
    NOT_LOGGED_IN_AS_ADMIN = "startSessionRet_NotLoggedInAsAdmin"
    ACTION_FAILED = "startSessionRet_ActionFailed"
    INVALID_SECRET_AUTH_CODE = "startSessionRet_Invalid_SecretAuthCode"
    USER_DELETED_OR_DISABLED = "startSessionRet_User_Deleted_Or_Disabled"


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of the operation. ``auth_code`` is None if it was not sent, and "" if it was sent empty."""

    session: int
    node: int
    auth_code: str | None = field(repr=False)
    binding: Binding


def format_auth_code(auth_code: str | None) -> str:
    """Return the auth code as text, with a placeholder for a missing or empty one."""
    return auth_code or ("(none)" if auth_code is None else "(empty)")
