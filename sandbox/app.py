"""The sandbox as an ASGI application: its one place of composition."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from sandbox.control import Control
from sandbox.control_triggers import TriggerControl
from sandbox.feeds.server import FeedServer
from sandbox.google.batch_api import BatchApi
from sandbox.google.channels_api import ChannelsApi
from sandbox.google.drive_api import DriveApi
from sandbox.google.permissions_api import PermissionsApi
from sandbox.google.sheets_api import SheetsApi
from sandbox.google.token_api import TokenApi
from sandbox.google.upload_api import UploadApi
from sandbox.guard import Guard
from sandbox.office import Office
from sandbox.override import MethodOverride
from sandbox.pages import Pages
from sandbox.settings import SandboxSettings
from sandbox.sheet_calls import SheetCalls
from sandbox.wire import Wire


def create_app(settings: SandboxSettings) -> Starlette:
    """A sandbox with its state; `app.state.office` is that state. Needs an ASGI server that runs the lifespan."""
    office = Office(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            async with office.triggers, office.scripts, office.channels:
                yield
        finally:
            office.close()

    app = Starlette(
        routes=[
            *TokenApi(office.tokens).routes(),
            *SheetsApi(office.drive, office.gate, settings.base_url).routes(),
            *ChannelsApi(office.drive, office.gate, office.channels).routes(),
            *BatchApi().routes(),
            *UploadApi(office.drive, office.gate, settings.base_url).routes(),
            *PermissionsApi(office.drive, office.gate).routes(),
            *DriveApi(office.drive, office.gate, settings.base_url).routes(),
            *Control(office).routes(),
            *TriggerControl(office).routes(),
            # Before the feeds: a feed's page stands where one of its records could.
            *Pages(office).routes(),
            *SheetCalls(office).routes(),
            *FeedServer(office.feeds).routes(),
        ],
        middleware=[
            Middleware(Guard),
            Middleware(MethodOverride),
            Middleware(
                Wire,
                settings=settings,
                faults=office.faults,
                recorder=office.recorder,
                person_edits=office.person.cells.edit,
            ),
        ],
        lifespan=lifespan,
    )
    app.state.office = office
    return app
