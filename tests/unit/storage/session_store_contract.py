"""What every session store must do. A store's test class extends it and says how to make one."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Conversation
from voice_agent.core.errors import OwnershipLostError, SessionNotFoundError
from voice_agent.core.session import Checkpoint, EndReason, SessionState
from voice_agent.core.session_store import SessionStore

AGENT = Agent(
    id="frontdesk",
    name="Front desk",
    language="de",
    greeting="Grüß Gott.",
    instructions="Be kind.",
    knowledge=({"questions": ["Open?"], "answer": "Yes — always."},),  # type: ignore[arg-type]
)
TALKED = (
    Conversation()
    .agent_heard("Grüß Gott.", 11.0)
    .agent_finished(interrupted=True)
    .user_said("Ist offen? 🙂", 12.0)
    .agent_heard("Ja.", 13.0)
)


def checkpoint(session_id: str = "s1", created_at: float = 10.0) -> Checkpoint:
    return Checkpoint(session_id, AGENT, created_at=created_at)


class SessionStoreContract(ABC):
    """The tests; `store` is made anew for each."""

    now = 1000.0

    def wall_time(self) -> float:
        """Return what the store takes for the time."""
        return self.now

    def time_passes(self, seconds: float) -> None:
        """Let the store's time go on."""
        self.now += seconds

    @pytest.fixture
    @abstractmethod
    def store(self) -> SessionStore:
        """Return an empty store."""

    async def test_what_is_created_can_be_loaded(self, store: SessionStore) -> None:
        claim = await store.create(checkpoint(), "first")
        assert (claim.session_id, claim.owner) == ("s1", "first")
        assert await store.load("s1") == checkpoint()

    async def test_an_id_is_taken_once(self, store: SessionStore) -> None:
        await store.create(checkpoint(), "first")
        with pytest.raises(ValueError, match="s1"):
            await store.create(checkpoint(created_at=20.0), "second")
        assert (await store.load("s1")).created_at == 10.0

    async def test_an_unknown_session_is_not_found(self, store: SessionStore) -> None:
        with pytest.raises(SessionNotFoundError, match="nobody"):
            await store.load("nobody")
        with pytest.raises(SessionNotFoundError, match="nobody"):
            await store.claim("nobody", "first")

    async def test_all_of_a_checkpoint_is_kept(self, store: SessionStore) -> None:
        claim = await store.create(checkpoint(), "first")
        talked = replace(
            checkpoint(),
            state=SessionState.SUSPENDED,
            conversation=TALKED,
            connected_at=10.5,
            legs=2,
        )
        await store.checkpoint(claim, talked)
        assert await store.load("s1") == talked
        over = replace(
            talked, state=SessionState.ENDED, ended_at=20.25, end_reason=EndReason.CLIENT_LEFT
        )
        await store.checkpoint(claim, over)
        kept = await store.load("s1")
        assert kept == over
        assert kept.agent.version == AGENT.version

    async def test_a_claim_takes_the_session_with_its_last_checkpoint(
        self, store: SessionStore
    ) -> None:
        first = await store.create(checkpoint(), "first")
        talked = replace(checkpoint(), conversation=TALKED)
        await store.checkpoint(first, talked)
        second, kept = await store.claim("s1", "second")
        assert (second.owner, second.session_id, kept) == ("second", "s1", talked)
        assert second.epoch > first.epoch

    async def test_it_is_known_who_has_a_session(self, store: SessionStore) -> None:
        assert await store.owner("s1") is None
        await store.create(checkpoint(), "first")
        assert await store.owner("s1") == "first"
        claim, _ = await store.claim("s1", "second")
        assert await store.owner("s1") == "second"
        await store.release(claim)
        assert await store.owner("s1") is None

    async def test_a_write_of_an_earlier_owner_is_refused_and_changes_nothing(
        self, store: SessionStore
    ) -> None:
        first = await store.create(checkpoint(), "first")
        second, _ = await store.claim("s1", "second")
        with pytest.raises(OwnershipLostError, match="s1"):
            await store.checkpoint(first, replace(checkpoint(), conversation=TALKED))
        assert await store.load("s1") == checkpoint()
        await store.checkpoint(second, replace(checkpoint(), legs=1))
        assert (await store.load("s1")).legs == 1

    async def test_the_same_owner_claiming_again_outdates_its_earlier_claim(
        self, store: SessionStore
    ) -> None:
        first = await store.create(checkpoint(), "first")
        again, _ = await store.claim("s1", "first")
        with pytest.raises(OwnershipLostError):
            await store.checkpoint(first, checkpoint())
        await store.checkpoint(again, checkpoint())

    async def test_of_many_claims_at_once_exactly_one_is_current(self, store: SessionStore) -> None:
        await store.create(checkpoint(), "first")
        claims = [
            claim
            for claim, _ in await asyncio.gather(
                *(store.claim("s1", f"process {number}") for number in range(8))
            )
        ]
        assert len({claim.epoch for claim in claims}) == 8
        results = await asyncio.gather(
            *(store.checkpoint(claim, checkpoint()) for claim in claims), return_exceptions=True
        )
        assert [result is None for result in results].count(True) == 1
        assert sum(isinstance(result, OwnershipLostError) for result in results) == 7

    async def test_a_released_session_can_be_claimed(self, store: SessionStore) -> None:
        first = await store.create(checkpoint(), "first")
        await store.release(first)
        await store.release(first)
        second, _ = await store.claim("s1", "second")
        assert second.epoch > first.epoch
        await store.checkpoint(second, checkpoint())

    async def test_an_outdated_release_takes_nothing_from_the_owner(
        self, store: SessionStore
    ) -> None:
        first = await store.create(checkpoint(), "first")
        second, _ = await store.claim("s1", "second")
        await store.release(first)
        await store.checkpoint(second, checkpoint())

    async def test_a_removed_session_is_forgotten(self, store: SessionStore) -> None:
        claim = await store.create(checkpoint(), "first")
        await store.remove("s1")
        await store.remove("s1")
        with pytest.raises(SessionNotFoundError):
            await store.load("s1")
        with pytest.raises(SessionNotFoundError):
            await store.checkpoint(claim, checkpoint())
        await store.release(claim)

    async def test_everything_that_a_session_brought_is_kept(self, store: SessionStore) -> None:
        brought = replace(
            checkpoint(),
            workspace_id="shop",
            key_id="k1",
            metadata={"order": 7, "nested": {"deep": [1, None, "ü"]}},
            variables={"customer": "Ada"},
            events=12,
            unheard="And then",
            resumable=False,
        )
        await store.create(brought, "first")
        assert await store.load("s1") == brought

    async def test_a_store_names_sessions_of_which_nothing_was_heard(
        self, store: SessionStore
    ) -> None:
        if not store.outlives_process:
            assert await store.abandoned(0.0) == ()
            return
        silent = await store.create(checkpoint("silent"), "first")
        over = await store.create(checkpoint("over"), "first")
        await store.checkpoint(over, replace(checkpoint("over"), state=SessionState.ENDED))
        self.time_passes(100.0)
        living = await store.create(checkpoint("living"), "second")
        claimed, _ = await store.claim("silent", "second")
        assert await store.abandoned(50.0) == []
        self.time_passes(100.0)
        assert await store.touch([silent, living]) == [silent]
        assert list(await store.abandoned(50.0)) == ["silent"]
        await store.checkpoint(claimed, checkpoint("silent"))
        assert await store.abandoned(50.0) == []

    async def test_sessions_that_are_over_are_forgotten_in_time(self, store: SessionStore) -> None:
        await store.create(checkpoint("running"), "first")
        over = await store.create(checkpoint("over"), "first")
        await store.checkpoint(over, replace(checkpoint("over"), state=SessionState.ENDED))
        await store.remove_over(50.0)
        assert (await store.load("over")).state is SessionState.ENDED
        self.time_passes(100.0)
        await store.remove_over(50.0)
        assert (await store.load("running")).session_id == "running"
