"""What a browser sees of the pretended issuer, and what it must have asked."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_STYLE = Markup("""
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 30rem; padding: 0 1rem }
a { display: block; padding: .6rem 0 }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #eee } a { color: #9cf } }
""")
_PAGE = Markup(
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{name}</title><style>{style}</style></head><body><main><h1>{name}</h1>{content}</main></body></html>"
)


def problem(asked: Mapping[str, str], client: str) -> str:
    """Say what is wrong with a question, as an issuer does that cannot send the browser back; empty when nothing is."""
    if asked.get("client_id") != client:
        return "This service does not know who asks: another client id was entered here."
    if not asked.get("redirect_uri", "").startswith(("http://", "https://")) or not asked.get("state"):
        return "The question does not say where to go back to."
    if (
        asked.get("response_type") != "code"
        or asked.get("code_challenge_method") != "S256"
        or "openid" not in asked.get("scope", "").split()
    ):
        return "Only the authorization code flow of OpenID Connect with PKCE is spoken here."
    return ""


def choose(name: str, people: Iterable[tuple[str, str, str]]) -> str:
    """Return the page that asks who one is; of each person the name, who that is, and where choosing leads."""
    each = (Markup('<li><a href="{}"><bdi>{}</bdi> ({})</a></li>').format(href, who, note) for who, note, href in people)
    text = Markup("<p>This is a pretended service. Nobody needs a password here: say who you are.</p><ul>{}</ul>").format(
        Markup("").join(each)
    )
    return _PAGE.format(name=name, style=_STYLE, content=text)


def message(name: str, text: str) -> str:
    """Return a page that says one thing."""
    return _PAGE.format(name=name, style=_STYLE, content=Markup("<p>{}</p>").format(text))
