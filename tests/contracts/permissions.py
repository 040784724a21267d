"""Who may do what: a row for each route and method. A new route needs a row here, or the test of this table fails.

The roles are those of a team's members, `outsider` (manager of another team), `admin` (site administrator, of no
team) and `anonymous`. A member of too small a role is told so (403); to everybody else the team does not exist (404).
"""

from __future__ import annotations

ROLES = ("anonymous", "outsider", "viewer", "reader", "researcher", "manager", "admin")
MEMBERS = ("viewer", "reader", "researcher", "manager")
ALLOWED = "allowed"
Row = dict[str, int | str]

PUBLIC: Row = dict.fromkeys(ROLES, ALLOWED)
SIGNED_IN: Row = PUBLIC | {"anonymous": 401}


def at_least(role: str) -> Row:
    """Members of the team, from a role on."""
    enough = MEMBERS[MEMBERS.index(role) :]
    members: Row = {member: ALLOWED if member in enough else 403 for member in MEMBERS}
    return {"anonymous": 401, "outsider": 404, "admin": 404} | members


VIEWER, READER, RESEARCHER, MANAGER = (at_least(role) for role in MEMBERS)
# Without a team in the address it is the caller's own: the outsider's other one, and nobody's for the administrator.
OWN_TEAM: Row = SIGNED_IN | {"admin": 404}
OWN_TEAM_READER: Row = OWN_TEAM | {"viewer": 403}

_DICOMWEB_SEARCHES = ("studies", "all-series", "all-instances")
_DICOMWEB_OF_A_STUDY = (
    "study",
    "study-metadata",
    "study-series",
    "study-instances",
    "series",
    "series-metadata",
    "series-instances",
    "instance",
    "instance-metadata",
    "frames",
)

TABLE: dict[str, Row] = {
    "GET healthz": PUBLIC,
    "GET readyz": PUBLIC,
    "GET page": PUBLIC,
    "GET page-deep": PUBLIC,
    "GET schema": SIGNED_IN,
    "GET docs": SIGNED_IN,
    "POST auth-token": PUBLIC,
    "POST auth-login": PUBLIC,
    "POST auth-logout": PUBLIC,
    "GET auth-me": SIGNED_IN,
    "PATCH auth-me": SIGNED_IN,
    "GET viewer-settings": SIGNED_IN,
    "PUT viewer-settings": SIGNED_IN,
    "GET hanging-protocols": VIEWER,
    "POST hanging-protocols": VIEWER,
    # The team's: members read it, managers change it.
    "PATCH hanging-protocol": MANAGER,
    "DELETE hanging-protocol": MANAGER,
    "POST auth-password": SIGNED_IN,
    "GET tokens": SIGNED_IN,
    "POST tokens": SIGNED_IN,
    # The token is a reader's: nobody else has one of this number.
    "DELETE token": dict.fromkeys(ROLES, 404) | {"anonymous": 401, "reader": ALLOWED},
    "GET members": VIEWER,
    "POST members": MANAGER,
    "PATCH member": MANAGER,
    "DELETE member": MANAGER,
    "GET searches": VIEWER,
    "POST searches": VIEWER,
    # Each member's own: nobody has one of this name.
    "DELETE searches": dict.fromkeys(ROLES, 404) | {"anonymous": 401},
    "GET jobs": VIEWER,
    "GET job": VIEWER,
    # Somebody else's job; that who started one may cancel it is tested with jobs.
    "POST job-cancel": MANAGER,
    "GET studies": VIEWER,
    "GET study": VIEWER,
    "GET thumbnail": VIEWER,
    "GET tags": VIEWER,
    "GET series-document": VIEWER,
    "GET annotations-export": VIEWER,
    "POST annotations-store": READER,
    "POST annotations-import": READER,
    "GET structured-report": VIEWER,
    "GET segmentations": VIEWER,
    "POST segmentations": READER,
    "PATCH segmentation": READER,
    "GET segmentation-voxels": VIEWER,
    "POST segmentation-voxels": READER,
    "GET segmentation-history": VIEWER,
    "POST segmentation-restore": READER,
    "GET preview": VIEWER,
    "POST instances": READER,
    "GET labels": VIEWER,
    "POST labels": READER,
    "GET label-schemes": VIEWER,
    "GET mask": VIEWER,
    "GET marks": VIEWER,
    "POST marks": READER,
    "GET mark-history": VIEWER,
    "POST mark-restore": READER,
    "GET cohorts": VIEWER,
    "POST cohorts": RESEARCHER,
    "GET cohort": VIEWER,
    "GET cohort-check": VIEWER,
    "POST datasets": RESEARCHER,
    "POST outcomes": RESEARCHER,
    "GET models": VIEWER,
    "GET model-version": VIEWER,
    "GET model-package": VIEWER,
    "POST model-promote": MANAGER,
    "POST model-archive": MANAGER,
    "POST model-rollback": MANAGER,
    "GET recipes": VIEWER,
    "POST previews": RESEARCHER,
    "GET trainings": VIEWER,
    "POST trainings": RESEARCHER,
    "GET training": VIEWER,
    "GET evaluations": VIEWER,
    "POST evaluations": RESEARCHER,
    **{f"GET evaluation{which}": VIEWER for which in ("", "-document", "-report-html", "-report-pdf")},
    "GET analyses": VIEWER,
    "POST analyses": READER,
    "GET analysis": VIEWER,
    "GET series-similar": VIEWER,
    "GET similar-cases": VIEWER,
    "PATCH similar-cases": MANAGER,
    "POST similar-cases-embed": RESEARCHER,
    **{f"GET team-dicomweb-{name}": VIEWER for name in (*_DICOMWEB_SEARCHES, *_DICOMWEB_OF_A_STUDY)},
    "POST team-dicomweb-studies": READER,
    "POST team-dicomweb-study": READER,
    **{f"GET dicomweb-{name}": OWN_TEAM for name in _DICOMWEB_SEARCHES},
    **{f"GET dicomweb-{name}": OWN_TEAM | {"outsider": 404} for name in _DICOMWEB_OF_A_STUDY},
    "POST dicomweb-studies": OWN_TEAM_READER,
    "POST dicomweb-study": OWN_TEAM_READER,
}
