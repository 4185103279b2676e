"""What is fetched: the Berkeley Function Calling Leaderboard, and the MCP servers and coding agents that list tools.

Rules:
- Each is pinned. A new version is a new measurement: change the pin and run `make real`.
- Nothing here needs an account. A server that only starts with a key gets one that opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BFCL = ("bfcl-eval", "2026.3.23")
OLD_MCP = ("mcp<2",)
KEY = "none-0000000000000000000000000000000000000000"
FOLDER = "{folder}"
"""In the arguments of a server: an empty folder that is a git repository."""


@dataclass(frozen=True)
class Server:
    """A program that answers MCP's `tools/list` over its standard input and output."""

    registry: str
    """"npm" or "pypi"."""
    package: str
    version: str
    command: str
    """The name that the package installs."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    scripts: bool = False
    """Whether it needs what npm runs when it installs."""
    beside: tuple[str, ...] = ()
    """What is installed with it, if its own requirements are too wide."""

    @property
    def name(self) -> str:
        """As a name of a file."""
        return self.package.removeprefix("@").replace("/", "+")


def npm(package: str, version: str, command: str, *arguments: str, scripts: bool = False, **environment: str) -> Server:
    return Server("npm", package, version, command, arguments, environment, scripts)


def pypi(
    package: str, version: str, command: str, *arguments: str, beside: tuple[str, ...] = (), **environment: str
) -> Server:
    return Server("pypi", package, version, command, arguments, environment, beside=beside)


SERVERS = (
    # Reference servers
    npm("@modelcontextprotocol/server-everything", "2026.8.31", "mcp-server-everything"),
    npm("@modelcontextprotocol/server-filesystem", "2026.8.31", "mcp-server-filesystem", FOLDER),
    npm("@modelcontextprotocol/server-memory", "2026.8.31", "mcp-server-memory"),
    npm("@modelcontextprotocol/server-sequential-thinking", "2026.8.31", "mcp-server-sequential-thinking"),
    npm(
        "@modelcontextprotocol/server-github",
        "2025.4.8",
        "mcp-server-github",
        GITHUB_PERSONAL_ACCESS_TOKEN=KEY,
    ),
    npm("@modelcontextprotocol/server-gitlab", "2025.4.25", "mcp-server-gitlab", GITLAB_PERSONAL_ACCESS_TOKEN=KEY),
    npm(
        "@modelcontextprotocol/server-slack",
        "2025.4.25",
        "mcp-server-slack",
        SLACK_BOT_TOKEN=KEY,
        SLACK_TEAM_ID="T0000000000",
    ),
    npm("@modelcontextprotocol/server-google-maps", "0.6.2", "mcp-server-google-maps", GOOGLE_MAPS_API_KEY=KEY),
    pypi("mcp-server-git", "2026.10.19", "mcp-server-git"),
    pypi("mcp-server-fetch", "2026.10.24", "mcp-server-fetch"),
    pypi("mcp-server-time", "2026.10.19", "mcp-server-time"),
    pypi("mcp-server-sqlite", "2025.4.25", "mcp-server-sqlite", "--db-path", FOLDER + "/real.db", beside=OLD_MCP),
    # Coding agents and what they are given
    npm("@anthropic-ai/claude-code", "2.1.328", "claude", "mcp", "serve", scripts=True),
    npm("@openai/codex", "0.169.0", "codex", "mcp-server"),
    npm("@wonderwhy-er/desktop-commander", "0.2.52", "desktop-commander"),
    npm("repomix", "1.18.1", "repomix", "--mcp"),
    npm("@eslint/mcp", "0.3.13", "mcp"),
    npm("@cyanheads/git-mcp-server", "2.15.3", "git-mcp-server"),
    npm("mcp-server-code-runner", "0.1.8", "mcp-server-code-runner"),
    npm("n8n-mcp", "2.87.0", "n8n-mcp", MCP_MODE="stdio"),
    pypi("serena-agent", "2.1.0", "serena", "start-mcp-server", "--enable-web-dashboard", "false"),
    pypi("code-index-mcp", "2.17.1", "code-index-mcp"),
    pypi("cli-mcp-server", "0.2.5", "cli-mcp-server", beside=OLD_MCP, ALLOWED_DIR=FOLDER),
    # Browsers
    npm("@playwright/mcp", "0.0.83", "playwright-mcp"),
    npm("chrome-devtools-mcp", "1.11.0", "chrome-devtools-mcp"),
    npm("@mobilenext/mobile-mcp", "1.0.4", "mcp-server-mobile"),
    # Search and documents
    npm("@upstash/context7-mcp", "4.1.1", "context7-mcp"),
    npm("firecrawl-mcp", "3.26.0", "firecrawl-mcp", FIRECRAWL_API_KEY=KEY),
    npm("tavily-mcp", "0.2.22", "tavily-mcp", TAVILY_API_KEY=KEY),
    npm("exa-mcp-server", "3.4.1", "exa-mcp-server", EXA_API_KEY=KEY),
    npm("@brave/brave-search-mcp-server", "2.1.4", "brave-search-mcp-server", BRAVE_API_KEY=KEY),
    npm("@apify/actors-mcp-server", "0.16.0", "actors-mcp-server", APIFY_TOKEN=KEY),
    pypi("duckduckgo-mcp-server", "0.7.0", "duckduckgo-mcp-server"),
    pypi("arxiv-mcp-server", "0.8.2", "arxiv-mcp-server"),
    pypi("markitdown-mcp", "0.0.1a8", "markitdown-mcp"),
    pypi("excel-mcp-server", "2.2.2", "excel-mcp-server", "stdio"),
    pypi("office-word-mcp-server", "1.1.11", "word_mcp_server"),
    pypi("office-powerpoint-mcp-server", "2.0.7", "ppt_mcp_server", beside=OLD_MCP),
    # Services
    npm("@notionhq/notion-mcp-server", "2.5.2", "notion-mcp-server", NOTION_TOKEN=KEY),
    npm("figma-developer-mcp", "0.13.2", "figma-developer-mcp", "--stdio", "--figma-api-key", KEY),
    npm("@supabase/mcp-server-supabase", "0.13.0", "mcp-server-supabase", "--access-token", "sbp_" + "0" * 40),
    npm("mongodb-mcp-server", "3.0.4", "mongodb-mcp-server"),
    npm("@heroku/mcp-server", "1.2.8", "heroku-mcp-server", HEROKU_API_KEY=KEY),
    npm("@circleci/mcp-server-circleci", "0.20.0", "mcp-server-circleci", CIRCLECI_TOKEN=KEY),
    npm("@sentry/mcp-server", "0.39.0", "sentry-mcp", "--access-token", KEY),
    npm("@shopify/dev-mcp", "1.16.0", "shopify-dev-mcp"),
    npm("@antv/mcp-server-chart", "0.9.10", "mcp-server-chart"),
    npm("@larksuiteoapi/lark-mcp", "0.5.1", "lark-mcp", "mcp", "-a", "none", "-s", KEY),
    npm("mcp-server-kubernetes", "4.1.7", "mcp-server-kubernetes"),
    npm("@bytebase/dbhub", "1.4.0", "dbhub", "--demo"),
    pypi(
        "mcp-atlassian",
        "0.23.1",
        "mcp-atlassian",
        JIRA_URL="https://example.atlassian.net",
        JIRA_USERNAME="nobody@example.com",
        JIRA_API_TOKEN=KEY,
        CONFLUENCE_URL="https://example.atlassian.net/wiki",
        CONFLUENCE_USERNAME="nobody@example.com",
        CONFLUENCE_API_TOKEN=KEY,
    ),
    pypi("awslabs.aws-documentation-mcp-server", "1.2.3", "awslabs.aws-documentation-mcp-server"),
    pypi("awslabs.dynamodb-mcp-server", "2.1.8", "awslabs.dynamodb-mcp-server"),
    pypi("awslabs.aws-iac-mcp-server", "1.0.26", "awslabs.aws-iac-mcp-server"),
    pypi("mcp-neo4j-cypher", "0.6.0", "mcp-neo4j-cypher"),
    pypi("blender-mcp", "2.0.0", "blender-mcp"),
    pypi("mcp-grafana", "2.1.1", "mcp-grafana", GRAFANA_URL="http://127.0.0.1:9", GRAFANA_SERVICE_ACCOUNT_TOKEN=KEY),
)
