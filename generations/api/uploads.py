"""Files for a generation to start from."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile as DjangosFile
from ninja import File, Form, Router, Status
from ninja.files import UploadedFile

from accounts.actor import ActorRequest
from accounts.policy import Action, Actor
from generations.api import representation as say
from generations.api.bearer import need
from generations.api.problems import Problem, invalid
from generations.api.representation import UploadOut
from generations.media import intake
from generations.models import Generation, Upload

router = Router(tags=["Uploads"])


@router.post("/uploads", response={201: UploadOut}, url_name="uploads", summary="Upload a file")
def sent(
    request: ActorRequest,
    file: File[UploadedFile | None] = None,
    generation: Form[uuid.UUID | None] = None,
) -> Status[UploadOut]:
    """A picture (JPEG, PNG, WebP) or a video (MP4) as `file`; or the id of a finished clip as `generation`.

    The same file again is the same upload. Scope: `generations:create`; for a colleague's clip also
    `generations:read`.
    """
    need(request.actor, Action.CREATE)
    if request.content_type != "multipart/form-data":
        raise Problem("wrong-content-type")
    try:
        if file is not None and generation is None:
            kept = _received(file, request.actor)
        elif generation is not None and file is None:
            kept = _taken_over(generation, request.actor)
        else:
            raise invalid(file="Send either a file or the id of a finished generation.")
    except ValidationError as error:
        name = "generation" if file is None else "file"
        raise Problem("invalid", errors={name: error.messages}) from error
    return Status(201, say.upload(kept))


def _received(file: "DjangosFile[Any]", actor: Actor) -> Upload:
    head = file.read(16)
    file.seek(0)
    picture = intake.picture_format(head) is not None
    if not picture and head[4:8] != b"ftyp" and head:
        raise ValidationError("Only JPEG, PNG and WebP pictures and MP4 videos are accepted.")
    return intake.receive(file, Upload.Kind.IMAGE if picture else Upload.Kind.VIDEO, actor)


def _taken_over(key: uuid.UUID, actor: Actor) -> Upload:
    found = Generation.objects.visible_to(actor).select_related("clip").filter(pk=key).first()
    if found and found.author_id != actor.user.pk:
        need(actor, Action.SEE)
    if found is None:
        raise ValidationError("This clip does not exist.")
    return intake.from_clip(found, actor)
