"""Tasks of the quiz."""

from shared import clock, log
from shared.database import database
from shared.jobs import REFRESH_POPULATION
from shared.quiz import population
from worker.work import periodic_task

_log = log.logger(__name__)


@periodic_task(REFRESH_POPULATION)
def refresh_population() -> None:
    """Compute anew what is usual among all people, for those who have yet to take the quiz."""
    _log.info("refreshed what is usual", people=database().call(population.refresh, now=clock.now()))
