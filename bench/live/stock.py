"""Our server with Strawberry's own handler: `python -m bench.live.stock` serves as `python -m api serve` does."""

from api.cli_serve import run
from api.graphql import GraphQLView
from api.graphql_socket import TransportHandler
from api.settings import Settings

if __name__ == "__main__":
    GraphQLView.graphql_transport_ws_handler_class = TransportHandler
    run(Settings())
