// The official Node clients, unmodified, against our router before backends of two kinds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { KEY, startRouter } from './router.js';

const MODELS = ['chat', 'claude'];
const QUESTION = [{ role: 'user', content: 'How is the weather in Paris?' }];
const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const TOOL = { type: 'function', function: { name: 'weather', parameters: PARAMETERS } };
const MESSAGES_TOOL = { name: 'weather', input_schema: PARAMETERS };
const said = (model) => `Grüße vom Modell: ${model}!`;

let router;
let openai;
let anthropic;
before(async () => {
  router = await startRouter();
  openai = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: KEY, maxRetries: 0, timeout: 20_000 });
  anthropic = new Anthropic({ baseURL: router.url, apiKey: KEY, maxRetries: 0, timeout: 20_000 });
});
after(async () => {
  assert.equal(await router.stop(), 0);
});

for (const model of MODELS) {
  test(`${model}: chat is answered, whole and as a stream`, async () => {
    const whole = await openai.chat.completions.create({ model, messages: QUESTION });
    assert.equal(whole.choices[0].message.content, said(model));
    assert.deepEqual([whole.usage.prompt_tokens, whole.usage.completion_tokens], [11, 7]);
    let text = '';
    const stream = await openai.chat.completions.create({ model, messages: QUESTION, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
    assert.equal(text, said(model));
  });

  test(`${model}: a tool is called in chat, whole and as a stream, and heard`, async () => {
    const asked = { model, messages: QUESTION, tools: [TOOL] };
    const whole = (await openai.chat.completions.create(asked)).choices[0];
    const streamed = await openai.chat.completions.stream(asked).finalChatCompletion();
    for (const choice of [whole, streamed.choices[0]]) {
      assert.equal(choice.finish_reason, 'tool_calls');
      assert.deepEqual(
        choice.message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
        [['weather', { city: 'Paris' }]],
      );
    }
    const heard = { role: 'tool', tool_call_id: whole.message.tool_calls[0].id, content: 'rain' };
    const answer = await openai.chat.completions.create({ ...asked, messages: [...QUESTION, whole.message, heard] });
    assert.equal(answer.choices[0].message.content, 'The tool has spoken.');
  });

  test(`${model}: responses are created and streamed`, async () => {
    const whole = await openai.responses.create({ model, input: 'hi' });
    assert.equal(whole.output_text, said(model));
    let text = '';
    const stream = await openai.responses.create({ model, input: 'hi', stream: true });
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
    assert.equal(text, said(model));
  });

  test(`${model}: messages are answered and streamed, tools included`, async () => {
    const asked = { model, max_tokens: 64, messages: QUESTION };
    const whole = await anthropic.messages.create(asked);
    assert.deepEqual([whole.content[0].text, whole.stop_reason], [said(model), 'end_turn']);
    const streamed = await anthropic.messages.stream(asked).finalMessage();
    assert.deepEqual([streamed.content[0].text, streamed.usage.output_tokens], [said(model), 7]);
    const called = await anthropic.messages.stream({ ...asked, tools: [MESSAGES_TOOL] }).finalMessage();
    const [call] = called.content.filter((block) => block.type === 'tool_use');
    assert.deepEqual([call.name, call.input, called.stop_reason], ['weather', { city: 'Paris' }, 'tool_use']);
  });
}

test('tools are called in parallel', async () => {
  for (const model of ['chat-parallel', 'claude-parallel']) {
    const stream = openai.chat.completions.stream({ model, messages: QUESTION, tools: [TOOL] });
    const calls = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments).city), ['Paris', 'Tōkyō']);
  }
});

test('a text becomes a vector, and models are listed', async () => {
  const { data } = await openai.embeddings.create({ model: 'embed', input: 'hello', encoding_format: 'float' });
  assert.deepEqual(data[0].embedding, [0.1, 0.2, 0.3, 0.4]);
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.ok(['chat', 'claude', 'embed'].every((name) => names.includes(name)), names.join());
});

test('every error is of its class', async () => {
  const errors = {
    'fails-400': OpenAI.BadRequestError,
    'fails-401': OpenAI.AuthenticationError,
    'fails-403': OpenAI.PermissionDeniedError,
    'fails-404': OpenAI.NotFoundError,
    'fails-429': OpenAI.RateLimitError,
    'fails-500': OpenAI.InternalServerError,
    nobody: OpenAI.BadRequestError,
  };
  for (const [model, wanted] of Object.entries(errors)) {
    await assert.rejects(openai.chat.completions.create({ model, messages: QUESTION }), wanted, model);
  }
  const asked = (model) => anthropic.messages.create({ model, max_tokens: 64, messages: QUESTION });
  await assert.rejects(asked('claude-fails-429'), Anthropic.RateLimitError);
  await assert.rejects(asked('fails-401'), Anthropic.AuthenticationError);
  const stranger = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'sk-wrong', maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test('a stream that breaks is no answer', async () => {
  for (const model of ['fails-miderr', 'fails-midclose']) {
    const read = async () => {
      const stream = await openai.chat.completions.create({ model, messages: QUESTION, stream: true });
      for await (const chunk of stream) assert.ok(chunk.choices);
    };
    await assert.rejects(read(), OpenAI.APIError, model);
  }
});
