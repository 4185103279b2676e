"""The command line of 1.3: the choices are lists of the names in the registries when this is imported."""

import click
from tensorrt_llm.llmapi.reasoning_parser import ReasoningParserFactory
from tensorrt_llm.serve.tool_parser import ToolParserFactory

from .processes import report


@click.command("serve")
@click.argument("model")
@click.option("--tool_parser", type=click.Choice(["auto", *ToolParserFactory.parsers.keys()]), default=None)
@click.option("--reasoning_parser", type=click.Choice(["auto", *ReasoningParserFactory.keys()]), default=None)
def serve(model, tool_parser, reasoning_parser):
    report(tool_parser, reasoning_parser)


class DefaultGroup(click.Group):
    """`serve` is meant where no command is named."""

    def resolve_command(self, ctx, args):
        return super().resolve_command(ctx, args if args[0] in self.commands else ["serve", *args])


main = DefaultGroup(commands={"serve": serve})

if __name__ == "__main__":
    main()
