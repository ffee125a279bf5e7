"""`create_user EMAIL [--credits N]`: a person with a personal workspace; password on standard input."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from accounts.adapter import settle_in
from accounts.models import AuditEvent, User, Wallet
from accounts.models.audit import OPERATOR


class Command(BaseCommand):
    """Makes a verified person who can sign in at once."""

    help = "Create a person with a personal workspace. The password is read from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The address, and what they start with."""
        parser.add_argument("email")
        parser.add_argument("--name", default="")
        parser.add_argument("--credits", type=int, default=0)
        parser.add_argument("--staff", action="store_true", help="may use the admin, with all rights")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create user, verified address, workspace and grant in one transaction."""
        email = options["email"].lower()
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_email(email)
            validate_password(password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if options["credits"] < 0:
            raise CommandError("--credits takes a whole number from 0.")
        if User.objects.filter(email__iexact=email).exists():
            raise CommandError(f"{email} exists already.")
        with transaction.atomic():
            user = User.objects.create_user(
                email,
                password,
                first_name=options["name"],
                is_staff=options["staff"],
                is_superuser=options["staff"],
            )
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
            workspace = settle_in(user)
            if options["credits"]:
                wallet = Wallet.objects.get(workspace=workspace)
                wallet.grant(options["credits"], cause=f"create_user:{user.pk}", reason="Opening credits")
            AuditEvent.of(
                "user.created",
                workspace,
                actor=None,
                acting_as=OPERATOR,
                email=email,
                credits=options["credits"],
                staff=options["staff"],
            ).save()
        self.stdout.write(
            f"{email} can sign in; workspace {workspace.pk} holds {options['credits']} credits."
        )
