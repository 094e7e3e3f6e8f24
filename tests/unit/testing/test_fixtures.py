import pytest

pytest_plugins = ["pytester"]

TESTS = """
    import asyncio
    import time

    import pytest

    @pytest.fixture
    async def began():
        return asyncio.get_running_loop().time()

    @pytest.mark.virtual_time
    async def test_virtual(began):
        await asyncio.sleep(7200)
        assert asyncio.get_running_loop().time() - began == pytest.approx(7200)

    async def test_real(began):
        await asyncio.sleep(0)
        assert asyncio.get_running_loop().time() - began < 60

    @pytest.mark.loop_held_at_most(0.02)
    async def test_held():
        await asyncio.create_task(hold())

    @pytest.mark.virtual_time
    @pytest.mark.loop_held_at_most(limit_s=0.02)
    async def test_held_in_virtual_time():
        await asyncio.create_task(hold())

    @pytest.mark.loop_held_at_most(5)
    async def test_held_less_than_allowed():
        await asyncio.create_task(hold())

    async def hold():
        time.sleep(0.05)
"""


@pytest.mark.parametrize("own_factories", [False, True])
def test_the_marks_choose_the_loop_and_the_watch(
    pytester: pytest.Pytester, own_factories: bool
) -> None:
    conftest = 'pytest_plugins = ["voice_agent.testing.fixtures"]\n'
    if own_factories:
        conftest += (
            "import asyncio\n"
            "def pytest_asyncio_loop_factories(config, item):\n"
            '    return {"own": asyncio.SelectorEventLoop}\n'
        )
    pytester.makeconftest(conftest)
    pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    result = pytester.runpytest_subprocess("-q", "--strict-markers", timeout=60)
    result.assert_outcomes(passed=5, errors=2)
    result.stdout.fnmatch_lines(["*EventLoopHeldError: the event loop was held*hold*"])
