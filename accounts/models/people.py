"""Users, workspaces and who is what in them."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address; Django's name for this class is fixed."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A user signed in by `email`; `password=None` makes an unusable one."""
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A user who may do everything in Django's admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Addresses are compared without case: people type them with capitals on phones."""
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who signs in by e-mail. Credits belong to workspaces, never to a person."""

    username = None  # type: ignore[assignment]  # AbstractUser declares it; we sign in by e-mail
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # ours has no username

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        words = (self.get_full_name() or self.email.split("@")[0].replace(".", " ")).split()
        return "".join(word[0] for word in words[:2]).upper()


class Role(models.TextChoices):
    """What a member is in a workspace; `accounts.policy` says what each may do."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    BILLING = "billing", "Billing"
    CREATOR = "creator", "Creator"
    VIEWER = "viewer", "Viewer"


class Workspace(models.Model):
    """A team, or one person's own corner: the tenant that owns clips and credits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    personal = models.BooleanField(default=False)
    share = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Its weight in the line to fal: 2 gets twice as many places as 1 when both wait.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # From then on nobody works here without a second factor; empty: it is everybody's own choice.
    mfa_from = models.DateTimeField(null=True, blank=True)
    # Nobody can act in it any more; its ledger, clips and audit trail stay.
    closed_at = models.DateTimeField(null=True, blank=True)
    people: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="workspaces"
    )

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Selections of memberships."""

    def active(self) -> "MembershipQuerySet":
        """Those that let somebody in: not suspended, of a workspace that is not closed."""
        return self.filter(suspended_at=None, workspace__closed_at=None, user__is_active=True)

    def at_home(self) -> "MembershipQuerySet":
        """Those of people in their own personal workspace; colleagues may be in it as well."""
        return self.filter(workspace__personal=True, role=Role.OWNER)


class Membership(models.Model):
    """One person's role in one workspace."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.CREATOR)
    created_at = models.DateTimeField(auto_now_add=True)
    suspended_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "workspace"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role"),
        ]
        ordering = ["workspace__name"]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} ({self.role})"

    @property
    def at_home(self) -> bool:
        """As the selection of that name."""
        return self.workspace.personal and self.role == Role.OWNER
