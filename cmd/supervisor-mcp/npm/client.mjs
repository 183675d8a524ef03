// The official client of the Model Context Protocol for Node.js against supervisorctl mcp: node client.mjs COMMAND ARGUMENT...
// It prints the names of the tools, then the result of status.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "npm-client", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command, args, stderr: "inherit" }));
const { tools } = await client.listTools();
console.log(tools.map((tool) => tool.name).join(" "));
const { structuredContent } = await client.callTool({ name: "status", arguments: {} });
console.log(JSON.stringify(structuredContent));
await client.close();
