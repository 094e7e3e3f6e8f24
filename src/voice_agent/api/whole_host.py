"""What is asked of the host as a whole: this process's part, and that of its neighbours."""

from typing import Any

from voice_agent.api.services import ApiServices
from voice_agent.api.system_views import SystemView
from voice_agent.api.views import PoolView, ResourceView
from voice_agent.core.neighbours import Question
from voice_agent.core.pool import adding_up
from voice_agent.observability import metric_totals, process_state
from voice_agent.observability.exposition import exposition


async def own_answer(services: ApiServices, question: Question) -> Any:
    """Return what this process answers by itself, in a form that JSON has."""
    match question:
        case Question.METRICS:
            return metric_totals.to_json(services.metrics.families())
        case Question.POOL:
            return adding_up.to_json(services.pool.statistics())
        case Question.SYSTEM:
            return process_state.to_json(services.process())


async def host_metrics(services: ApiServices, accept: str) -> tuple[bytes, str]:
    """Return all that was counted on this host, in the format that `accept` asks for."""
    own = await own_answer(services, Question.METRICS)
    others = await services.neighbours.ask(Question.METRICS, own)
    processes = (
        metric_totals.gauge(
            "voice_agent_processes", "Processes that these metrics are of.", others.answered
        ),
        metric_totals.gauge(
            "voice_agent_processes_wanted", "Processes that there should be.", others.wanted
        ),
    )
    answers = [metric_totals.from_json(each) for each in (own, *others.answers)]
    return exposition((*metric_totals.add_up(answers), *processes), accept)


async def host_pool(services: ApiServices) -> PoolView:
    """Return what the service pools of this host hold together."""
    own = await own_answer(services, Question.POOL)
    others = await services.neighbours.ask(Question.POOL, own)
    rows = [row for each in (own, *others.answers) for row in adding_up.from_json(each)]
    return PoolView(
        processes=others.answered,
        resources=[ResourceView.of(row) for row in adding_up.add_up(rows)],
    )


async def host_system(services: ApiServices) -> SystemView:
    """Return the processes of this host, and what they know of their providers."""
    own = await own_answer(services, Question.SYSTEM)
    others = await services.neighbours.ask(Question.SYSTEM, own)
    states = [process_state.from_json(each) for each in (own, *others.answers)]
    return SystemView.of(states, others.wanted)
