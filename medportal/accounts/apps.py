"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The `accounts` room."""

    name = "medportal.accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_delete, post_save

        from medportal.accounts import access
        from medportal.accounts.models import Membership, User
        from medportal.messaging import services, topics

        topics.register("team", access.may_watch_team)
        topics.register("user", access.may_watch_user)

        # Django's admin writes these rows without our services: sockets learn of it all the same.
        def revoke_user(instance: User, **_: object) -> None:
            services.revoke(instance.pk)

        def revoke_member(instance: Membership, **_: object) -> None:
            services.revoke(instance.user_id)

        post_save.connect(revoke_user, sender=User, weak=False, dispatch_uid="revoke-user")
        post_save.connect(revoke_member, sender=Membership, weak=False, dispatch_uid="revoke-member-saved")
        post_delete.connect(revoke_member, sender=Membership, weak=False, dispatch_uid="revoke-member-deleted")
