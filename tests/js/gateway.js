// Starts a gateway on a free port with a temporary state directory and a scripted model, for one test file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const READY_MS = 20_000;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// An OpenAI-compatible model whose answer is scripted: it repeats the last user message in five pieces.
async function scriptedModel() {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = JSON.parse(body);
    requests.push(asked);
    const last = asked.messages.filter((message) => message.role === 'user').at(-1).content;
    const frame = (delta, rest = {}) =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: asked.model, choices: [{ index: 0, delta, finish_reason: null }], ...rest })}\n\n`;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of ['you', ' said', ': ', String(last), '.']) response.write(frame({ content: piece }));
    response.write(frame({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 } }));
    response.end('data: [DONE]\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, requests, close: () => server.close() };
}

export async function startGateway() {
  const binary = process.env.OPENCLAW_BIN;
  if (!binary) throw new Error('OPENCLAW_BIN must name the openclaw binary to test');
  const state = await mkdtemp(path.join(tmpdir(), 'openclaw-js-'));
  const model = await scriptedModel();
  const port = await freePort();
  await writeFile(
    path.join(state, 'openclaw.json'),
    JSON.stringify({
      models: {
        providers: {
          scripted: {
            baseUrl: `http://127.0.0.1:${model.port}`,
            apiKey: 'none',
            models: [{ id: 'echo', name: 'echo', api: 'openai-completions', contextWindow: 128000, maxTokens: 8192 }],
          },
        },
      },
      model_routing: { default: 'scripted/echo' },
    }),
  );
  const child = spawn(binary, ['--state-dir', state, 'gateway', 'run', '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: state },
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the gateway exited with ${code}:\n${output}`);
  });
  exited.catch(() => {});
  const deadline = Date.now() + READY_MS;
  const ready = async () => {
    for (;;) {
      const answered = await fetch(`http://127.0.0.1:${port}/ready`).then((response) => response.ok, () => false);
      if (answered) return;
      if (Date.now() > deadline) throw new Error(`the gateway was not ready in ${READY_MS} ms:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await Promise.race([ready(), exited]);
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    model,
    state,
    token: (await readFile(path.join(state, 'token'), 'utf8')).trim(),
    entries: async (agent) =>
      (await readFile(path.join(state, 'agents', agent, 'session.jsonl'), 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    stop: async () => {
      model.close();
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      await rm(state, { recursive: true, force: true });
      return code;
    },
  };
}

export function withDeadline(promise, what, ms = 10_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
