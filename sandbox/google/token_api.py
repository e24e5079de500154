"""Google's OAuth endpoints: `/token`, `/revoke`, and the lookup of regional limits that google-auth makes with every
new token of a service account (there are none)."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.tokens import TOKEN_LIFETIME, GrantRefused, Token, TokenOffice

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenApi:
    """The grants of service accounts (a signed JWT) and of people (a refresh token), and their end."""

    def __init__(self, tokens: TokenOffice) -> None:
        self._tokens = tokens

    def routes(self) -> list[Route]:
        regions = "/v1/projects/-/serviceAccounts/{email}/allowedLocations"
        return [
            Route("/token", self._token, methods=["POST"]),
            Route("/revoke", self._revoke, methods=["POST"]),
            Route(regions, self._regions),
        ]

    async def _regions(self, _request: Request) -> Response:
        return JSONResponse({"locations": [], "encodedLocations": "0x0"})

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        try:
            token = self._grant(form)
        except GrantRefused as refused:
            body = {"error": refused.error, "error_description": refused.description}
            return JSONResponse(body, status_code=refused.status)
        answer = {
            "access_token": token.text,
            "expires_in": int(TOKEN_LIFETIME.total_seconds()) - 1,
            "token_type": "Bearer",
        }
        return JSONResponse(answer | ({"scope": " ".join(token.scopes)} if token.refresh_token else {}))

    def _grant(self, form: dict[str, str]) -> Token:
        match form.get("grant_type", ""):
            case grant if grant == _JWT_GRANT:
                return self._tokens.grant(form.get("assertion", ""))
            case "refresh_token":
                names = ("client_id", "client_secret", "refresh_token", "scope")
                return self._tokens.refresh(*(form.get(name, "") for name in names))
            case grant:
                raise GrantRefused("unsupported_grant_type", f"Invalid grant_type: {grant}")

    async def _revoke(self, request: Request) -> Response:
        token = request.query_params.get("token") or (await _form(request)).get("token", "")
        if not token:
            body = {"error": "invalid_request", "error_description": "Missing required parameter: token"}
            return JSONResponse(body, status_code=400)
        if not self._tokens.revoke_token(token):
            body = {"error": "invalid_token", "error_description": "Token expired or revoked"}
            return JSONResponse(body, status_code=400)
        return JSONResponse({})


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name."""
    read = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in read.items()}
