import hmac
from typing import Any

import pytest

from tests.unit.accounts.conftest import SECRET, SetClock
from voice_agent.accounts.accounts import Accounts
from voice_agent.accounts.authorize import Action
from voice_agent.accounts.key_text import KeyKind, KeyText
from voice_agent.accounts.keys import KeyWish, NewKey
from voice_agent.accounts.principal import PrincipalKind
from voice_agent.core.account_errors import (
    AccountInvalidError,
    CredentialInvalidError,
    KeyNotFoundError,
)
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.database import Database
from voice_agent.storage.tables import KeyRow

SHOP = "https://shop.example.com"


async def make(accounts: Accounts, **wish: Any) -> NewKey:
    chosen = {
        "kind": KeyKind.SECRET,
        "name": "CI",
        "scopes": frozenset({Action.SESSIONS_CREATE}),
    } | wish
    return await accounts.keys.create(DEFAULT_WORKSPACE, KeyWish(**chosen), "user_1")


async def make_publishable(accounts: Accounts, **wish: Any) -> NewKey:
    chosen = {"kind": KeyKind.PUBLISHABLE, "scopes": frozenset(), "origins": (SHOP,)} | wish
    return await make(accounts, **chosen)


async def test_a_key_says_who_brings_it(accounts: Accounts) -> None:
    new = await make(
        accounts,
        scopes=frozenset({Action.SESSIONS_CREATE, Action.AGENTS_READ}),
        agents=("sales", "sales"),
        max_sessions=3,
        sessions_per_minute=5,
    )
    principal = await accounts.authenticate(new.text)
    assert principal.kind is PrincipalKind.SECRET_KEY
    assert (principal.workspace_id, principal.id) == (DEFAULT_WORKSPACE, new.row.id)
    assert principal.scopes == {"sessions:create", "agents:read"}
    assert principal.agents == {"sales"}
    assert (principal.max_sessions, principal.sessions_per_minute) == (3, 5)
    public = await make_publishable(accounts)
    principal = await accounts.authenticate(public.text)
    assert principal.kind is PrincipalKind.PUBLISHABLE_KEY
    assert principal.origins == {SHOP}
    assert not principal.scopes


async def test_a_key_is_recognisable_and_not_kept(
    accounts: Accounts, small_database: Database
) -> None:
    new = await make(accounts)
    assert new.text.startswith("vak_secret_")
    assert (await make_publishable(accounts)).text.startswith("vak_public_")
    async with small_database.reading() as session:
        row = await session.get(KeyRow, new.row.id)
    assert row is not None
    secret = new.text.rpartition("_")[2]
    kept = str({column.name: getattr(row, column.name) for column in KeyRow.__table__.columns})
    assert len(secret) == 43
    assert secret not in kept
    assert row.hint.startswith("vak_secret_")
    assert row.hint.endswith(secret[-4:])


async def test_what_is_no_key_of_ours_opens_nothing(accounts: Accounts) -> None:
    new = await make(accounts)
    other = KeyText.new(KeyKind.SECRET).text
    last = "0" if new.text[-1] != "0" else "1"
    wrong = [
        new.text[:-1] + last,
        new.text[:-1],
        new.text + "0",
        new.text.replace("secret", "public"),
        other,
        f"vak_secret_{new.row.id}_{other.rpartition('_')[2]}",
        "vak_",
        "vak_secret__",
    ]
    for text in wrong:
        with pytest.raises(CredentialInvalidError, match="not valid"):
            await accounts.authenticate(text)


async def test_digests_are_compared_in_constant_time(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = await make(accounts)
    compared: list[tuple[str, str]] = []

    def compare(kept: str, brought: str) -> bool:
        compared.append((kept, brought))
        return kept == brought

    monkeypatch.setattr(hmac, "compare_digest", compare)
    await accounts.authenticate(new.text)
    assert compared == [(new.row.digest, new.row.digest)]


async def test_a_revoked_key_opens_nothing_at_once(accounts: Accounts) -> None:
    new = await make(accounts)
    await accounts.authenticate(new.text)
    await accounts.keys.revoke(DEFAULT_WORKSPACE, new.row.id)
    with pytest.raises(CredentialInvalidError, match="'CI' is revoked"):
        await accounts.authenticate(new.text)


async def test_another_process_knows_of_a_revocation_within_five_seconds(
    accounts: Accounts, small_database: Database, clock: SetClock
) -> None:
    other = Accounts(small_database, SECRET, clock)
    new = await make(accounts)
    await other.authenticate(new.text)
    await accounts.keys.revoke(DEFAULT_WORKSPACE, new.row.id)
    clock.now += 5
    with pytest.raises(CredentialInvalidError):
        await other.authenticate(new.text)
    await other.close()


async def test_revoking_twice_keeps_the_first_time(accounts: Accounts, clock: SetClock) -> None:
    new = await make(accounts)
    await accounts.keys.revoke(DEFAULT_WORKSPACE, new.row.id)
    first = clock.now
    clock.now += 100
    await accounts.keys.revoke(DEFAULT_WORKSPACE, new.row.id)
    assert (await accounts.keys.read(DEFAULT_WORKSPACE, new.row.id)).revoked_at == first


async def test_an_expired_key_opens_nothing(accounts: Accounts, clock: SetClock) -> None:
    new = await make(accounts, expires_at=clock.now + 10)
    clock.now += 9.9
    await accounts.authenticate(new.text)
    clock.now += 0.1
    with pytest.raises(CredentialInvalidError, match="expired"):
        await accounts.authenticate(new.text)


async def test_the_last_use_is_written_at_most_once_a_minute(
    accounts: Accounts, clock: SetClock
) -> None:
    new = await make(accounts)

    async def used(after_s: float) -> float | None:
        clock.now += after_s
        await accounts.authenticate(new.text)
        await accounts.keys.close()
        return (await accounts.keys.read(DEFAULT_WORKSPACE, new.row.id)).last_used_at

    first = await used(0)
    assert first == clock.now
    assert await used(59) == first
    assert await used(1) == clock.now


async def test_keys_of_another_workspace_do_not_exist(accounts: Accounts) -> None:
    new = await make(accounts)
    with pytest.raises(KeyNotFoundError):
        await accounts.keys.read("away", new.row.id)
    with pytest.raises(KeyNotFoundError):
        await accounts.keys.revoke("away", new.row.id)
    assert not (await accounts.keys.list("away", 10, None)).items
    await accounts.authenticate(new.text)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"scopes": frozenset()}, "needs at least one"),
        ({"origins": (SHOP,)}, "must not be in a browser"),
        ({"expires_at": 5.0}, "in the past"),
        ({"kind": KeyKind.PUBLISHABLE, "scopes": frozenset()}, "needs the sites"),
        ({"kind": KeyKind.PUBLISHABLE, "origins": (SHOP,)}, "has none"),
        ({"kind": KeyKind.PUBLISHABLE, "scopes": frozenset(), "origins": ("*",)}, "no.* origin"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    accounts: Accounts, wish: dict[str, Any], message: str
) -> None:
    with pytest.raises(AccountInvalidError, match=message):
        await make(accounts, **wish)


async def test_the_origin_book_knows_the_sites_of_good_keys(
    accounts: Accounts, clock: SetClock
) -> None:
    await accounts.start()
    assert SHOP not in accounts.origins
    new = await make_publishable(accounts, origins=("HTTPS://Shop.example.com:443/",))
    short = await make_publishable(
        accounts, origins=("http://a.example:81",), expires_at=clock.now + 5
    )
    assert SHOP in accounts.origins
    assert short.row.origins[0] in accounts.origins
    clock.now += 5
    await accounts.origins.refresh()
    assert short.row.origins[0] not in accounts.origins
    await accounts.keys.revoke(DEFAULT_WORKSPACE, new.row.id)
    assert SHOP not in accounts.origins


async def test_lists_go_on_where_a_page_ended(accounts: Accounts, clock: SetClock) -> None:
    made = []
    for number in range(5):
        made.append((await make(accounts, name=str(number))).row.id)
        clock.now += number % 2  # some are made at the same moment
    seen: list[str] = []
    cursor = None
    while True:
        page = await accounts.keys.list(DEFAULT_WORKSPACE, 2, cursor)
        seen += [key.id for key in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == 5
    assert set(seen) == set(made)
