"""What can be generated: the catalogue."""

from ninja import Router

from accounts.actor import ActorRequest
from generations.api import representation as say
from generations.api.problems import Problem
from generations.api.representation import EndpointDetailOut, EndpointOut, Page
from generations.catalogue import CATALOGUE
from generations.models import EndpointSwitch

router = Router(tags=["Endpoints"])


@router.get("/endpoints", response=Page[EndpointOut], url_name="endpoints", summary="List endpoints")
def listed(request: ActorRequest) -> Page[EndpointOut]:
    """Every model endpoint, and whether it is on sale. Any live token may ask."""
    switches = {each.endpoint: each for each in EndpointSwitch.objects.all()}
    data = [say.endpoint(each, switches.get(each.id, EndpointSwitch())) for each in CATALOGUE.values()]
    return Page[EndpointOut](data=data, next=None)


@router.get(
    "/endpoints/{path:endpoint_id}", response=EndpointDetailOut, url_name="endpoint", summary="One endpoint"
)
def shown(request: ActorRequest, endpoint_id: str) -> EndpointDetailOut:
    """The JSON Schema of its input, and its price in credits. Any live token may ask."""
    entry = CATALOGUE.get(endpoint_id)
    if entry is None:
        raise Problem("not-found", "The catalogue has no such endpoint.")
    return say.endpoint_detail(entry, EndpointSwitch.of(entry.id))
