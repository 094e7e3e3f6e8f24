import asyncio
import statistics
import time

import pytest

from tests.unit.accounts.conftest import PASSWORD, SECRET, SetClock
from voice_agent.accounts import passwords as passwords_module
from voice_agent.accounts.accounts import Accounts
from voice_agent.accounts.passwords import MAX_LENGTH, Passwords
from voice_agent.accounts.principal import PrincipalKind, Role
from voice_agent.core.account_errors import (
    AccountInvalidError,
    CredentialInvalidError,
    EmailTakenError,
    SetupDoneError,
    SignInRefusedError,
    TooManyRequestsError,
    UserNotFoundError,
)
from voice_agent.core.clock import SystemClock
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.database import Database
from voice_agent.storage.tables import UserRow

EMAIL = "ann@example.com"


async def make(accounts: Accounts, email: str = EMAIL, role: Role = Role.ADMINISTRATOR) -> UserRow:
    return await accounts.users.create(
        DEFAULT_WORKSPACE, email=email, name="Ann", role=role, password=PASSWORD
    )


async def test_who_knows_the_password_signs_in(accounts: Accounts) -> None:
    user = await make(accounts, " Ann@Example.com ")
    signed_in = await accounts.sign_in("ANN@example.com", PASSWORD, "1.2.3.4")
    assert signed_in.user.id == user.id
    principal = await accounts.authenticate(signed_in.access_token)
    assert (principal.kind, principal.id) == (PrincipalKind.USER, user.id)
    assert principal.role is Role.ADMINISTRATOR


async def test_nobody_else_does(accounts: Accounts) -> None:
    await make(accounts)
    for email, password in ((EMAIL, PASSWORD + "x"), ("bob@example.com", PASSWORD), ("", "")):
        with pytest.raises(SignInRefusedError, match="no user has this email and password"):
            await accounts.sign_in(email, password, "1.2.3.4")


async def test_the_password_is_kept_as_argon2id(accounts: Accounts) -> None:
    user = await make(accounts)
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash


@pytest.mark.alone
async def test_an_unknown_email_takes_as_long(small_database: Database) -> None:
    accounts = Accounts(small_database, SECRET, SystemClock())
    await make(accounts)

    async def taken(email: str) -> float:
        began = time.perf_counter()
        with pytest.raises(SignInRefusedError):
            await accounts.sign_in(email, "wrong password", "1.2.3.4")
        return time.perf_counter() - began

    await taken(EMAIL)
    known = statistics.median([await taken(EMAIL) for _ in range(5)])
    unknown = statistics.median([await taken(f"{n}@example.com") for n in range(5)])
    assert 0.5 < known / unknown < 2
    await accounts.close()


async def test_attempts_are_limited_for_an_email(accounts: Accounts, clock: SetClock) -> None:
    await make(accounts)
    for number in range(10):
        with pytest.raises(SignInRefusedError):
            await accounts.sign_in(EMAIL, "wrong password", f"10.0.0.{number}")
    with pytest.raises(TooManyRequestsError) as caught:
        await accounts.sign_in(EMAIL, PASSWORD, "10.0.1.1")
    clock.now += caught.value.retry_after_s
    await accounts.sign_in(EMAIL, PASSWORD, "10.0.1.1")
    # Who has signed in has all his attempts again.
    for _ in range(10):
        with pytest.raises(SignInRefusedError):
            await accounts.sign_in(EMAIL, "wrong password", "10.0.1.2")


async def test_attempts_are_limited_for_an_address(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong(*_: object) -> bool:
        return False

    monkeypatch.setattr(Passwords, "verify", wrong)
    for number in range(30):
        with pytest.raises(SignInRefusedError):
            await accounts.sign_in(f"{number}@example.com", "wrong password", "10.0.0.1")
    with pytest.raises(TooManyRequestsError):
        await accounts.sign_in("next@example.com", "wrong password", "10.0.0.1")
    with pytest.raises(SignInRefusedError):
        await accounts.sign_in("next@example.com", "wrong password", "10.0.0.2")


async def test_tokens_from_before_a_sign_out_count_no_more(
    accounts: Accounts, clock: SetClock
) -> None:
    user = await make(accounts)
    before = await accounts.sign_in(EMAIL, PASSWORD, "a")
    clock.now += 1
    await accounts.users.sign_out(DEFAULT_WORKSPACE, user.id)
    clock.now += 1
    after = await accounts.sign_in(EMAIL, PASSWORD, "a")
    for refused in (
        accounts.authenticate(before.access_token),
        accounts.refresh(before.refresh_token),
    ):
        with pytest.raises(CredentialInvalidError, match="sign in again"):
            await refused
    await accounts.authenticate(after.access_token)
    await accounts.refresh(after.refresh_token)


async def test_a_new_password_ends_what_was_signed_in(accounts: Accounts, clock: SetClock) -> None:
    user = await make(accounts)
    before = await accounts.sign_in(EMAIL, PASSWORD, "a")
    clock.now += 1
    with pytest.raises(SignInRefusedError):
        await accounts.change_own_password(user, "wrong", "another password", "a")
    await accounts.change_own_password(user, PASSWORD, "another password", "a")
    with pytest.raises(CredentialInvalidError):
        await accounts.authenticate(before.access_token)
    with pytest.raises(SignInRefusedError):
        await accounts.sign_in(EMAIL, PASSWORD, "a")
    await accounts.sign_in(EMAIL, "another password", "a")


async def test_who_is_deleted_or_demoted_is_so_at_once(accounts: Accounts) -> None:
    await make(accounts)
    other = await make(accounts, "bob@example.com")
    token = (await accounts.sign_in(other.email, PASSWORD, "a")).access_token
    await accounts.authenticate(token)
    await accounts.users.change(DEFAULT_WORKSPACE, other.id, role=Role.MEMBER, name="Bob")
    assert (await accounts.authenticate(token)).role is Role.MEMBER
    await accounts.users.delete(DEFAULT_WORKSPACE, other.id)
    with pytest.raises(CredentialInvalidError):
        await accounts.authenticate(token)


async def test_users_of_another_workspace_do_not_exist(accounts: Accounts) -> None:
    user = await make(accounts)
    for refused in (
        accounts.users.read("away", user.id),
        accounts.users.change("away", user.id, name="x"),
        accounts.users.delete("away", user.id),
    ):
        with pytest.raises(UserNotFoundError):
            await refused
    assert not (await accounts.users.list("away", 10, None)).items


@pytest.mark.parametrize("email", ["ann", "@", "ann@", "a b@example.com", "a@" + "b" * 320])
async def test_an_email_has_to_be_one(accounts: Accounts, email: str) -> None:
    with pytest.raises(AccountInvalidError, match="not an email address"):
        await make(accounts, email)


@pytest.mark.parametrize("password", ["short", "x" * (MAX_LENGTH + 1)])
async def test_a_password_has_to_be_long(accounts: Accounts, password: str) -> None:
    user = await make(accounts)
    with pytest.raises(AccountInvalidError, match="a password has 12 to 200 characters"):
        await accounts.users.change(DEFAULT_WORKSPACE, user.id, password=password)


async def test_an_email_is_taken_once(accounts: Accounts) -> None:
    await make(accounts)
    with pytest.raises(EmailTakenError):
        await make(accounts, EMAIL.upper())


async def test_the_first_administrator_is_made_once(
    accounts: Accounts, small_database: Database, clock: SetClock
) -> None:
    token = await accounts.setup_token()
    assert token is not None
    # Any process with the key takes the link, but of all that do at once one makes a user.
    other = Accounts(small_database, SECRET, clock)
    made = await asyncio.gather(
        *(
            each.set_up(token, email=f"{number}@example.com", name="Ann", password=PASSWORD)
            for number, each in enumerate((accounts, other, accounts, other))
        ),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in made) == [
        *["SetupDoneError"] * 3,
        "SignedIn",
    ]
    assert await accounts.setup_token() is None
    with pytest.raises(SetupDoneError):
        await accounts.set_up(token, email="x@example.com", name="X", password=PASSWORD)
    await other.close()


async def test_a_setup_link_is_ours_and_of_today(accounts: Accounts, clock: SetClock) -> None:
    token = await accounts.setup_token()
    assert token is not None
    for wrong in ("", "vst_x", token[:-1], token + "x"):
        with pytest.raises(CredentialInvalidError, match="not valid"):
            await accounts.set_up(wrong, email=EMAIL, name="Ann", password=PASSWORD)
    clock.now += 24 * 3600
    with pytest.raises(CredentialInvalidError, match="expired"):
        await accounts.set_up(token, email=EMAIL, name="Ann", password=PASSWORD)


async def test_passwords_are_not_queued_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MAX_WAITING", 4)
    passwords = Passwords()
    results = await asyncio.gather(
        *(passwords.verify(None, "x") for _ in range(7)), return_exceptions=True
    )
    assert sum(isinstance(result, TooManyRequestsError) for result in results) == 3
    assert not any(result is True for result in results)
    passwords.close()
