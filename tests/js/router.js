// Starts our router before the scripted backend, for one test file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const KEY = 'sk-7f41c09b55e2d83a6610fe27';
const READY_MS = 20_000;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function startBackend() {
  const binary = process.env.OPENCLAW_TEST_BACKEND;
  if (!binary) throw new Error('OPENCLAW_TEST_BACKEND must name the scripted backend');
  // It ends with its standard input.
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { address: String(line).trim().replace('listening on ', ''), stop: () => child.stdin.end() };
}

export async function startRouter() {
  const binary = process.env.OPENCLAW_BIN;
  if (!binary) throw new Error('OPENCLAW_BIN must name the openclaw binary to test');
  const backend = await startBackend();
  const state = await mkdtemp(path.join(tmpdir(), 'openclaw-js-'));
  const template = await readFile(new URL('../fixtures/litellm/clients.yaml', import.meta.url), 'utf8');
  const config = path.join(state, 'litellm_config.yaml');
  await writeFile(config, template.replaceAll('BACKEND', backend.address));
  const port = await freePort();
  const child = spawn(binary, ['--state-dir', state, 'router', 'run', '--config', config, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: state, LITELLM_MASTER_KEY: KEY, UPSTREAM_KEY: 'sk-upstream-secret' },
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_MS;
  while (!(await fetch(`${url}/health/liveliness`).then((response) => response.ok, () => false))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the router does not listen:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      backend.stop();
      await rm(state, { recursive: true, force: true });
      return code;
    },
  };
}
