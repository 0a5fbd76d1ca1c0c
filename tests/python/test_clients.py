"""The official clients, unmodified, against a router: ROUTER_URL, ROUTER_KEY, and the backend behind it at BACKEND_URL.

CHAT_MODELS names the models that are asked in every protocol, KNOWN_DEVIATIONS the tests that the router is known to fail.
"""

import asyncio
import json
import os
import sys
import unittest
import urllib.request

import anthropic
import openai

URL = os.environ["ROUTER_URL"]
KEY = os.environ["ROUTER_KEY"]
BACKEND = os.environ["BACKEND_URL"]
MODELS = os.environ["CHAT_MODELS"].split()
DEVIATIONS = os.environ.get("KNOWN_DEVIATIONS", "").split()

QUESTION = [{"role": "user", "content": "How is the weather in Paris?"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": PARAMETERS}}
RESPONSES_TOOL = {"type": "function", "name": "weather", "description": "Tells it.", "parameters": PARAMETERS}
MESSAGES_TOOL = {"name": "weather", "description": "Tells it.", "input_schema": PARAMETERS}


def said(model):
    return f"Grüße vom Modell: {model}!"


def last_asked():
    with urllib.request.urlopen(f"{BACKEND}/last") as answer:
        return json.load(answer)


class Case(unittest.TestCase):
    maxDiff = None

    model = None

    def setUp(self):
        self.openai = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=20)
        self.anthropic = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=20)
        self.addCleanup(self.openai.close)
        self.addCleanup(self.anthropic.close)

    def run(self, result=None):
        if self.id().split(".", 1)[1] in DEVIATIONS:
            getattr(self, self._testMethodName).__func__.__unittest_expecting_failure__ = True
        return super().run(result)

    def _callTestMethod(self, method):
        try:
            method()
        except Exception:
            print(f"{self.id()} failed with the model {self.model}", file=sys.stderr)
            raise

    def each(self, models=None):
        for self.model in models or MODELS:
            yield self.model


class Chat(Case):
    def test_a_question_is_answered(self):
        for model in self.each():
            answer = self.openai.chat.completions.create(model=model, messages=QUESTION)
            self.assertEqual(answer.choices[0].message.content, said(model))
            self.assertEqual(answer.choices[0].finish_reason, "stop")
            self.assertEqual((answer.usage.prompt_tokens, answer.usage.completion_tokens), (11, 7))
            self.assertEqual(answer.model, model)

    def test_an_answer_is_streamed(self):
        for model in self.each():
            chunks = list(self.openai.chat.completions.create(model=model, messages=QUESTION, stream=True))
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
            self.assertEqual(text, said(model))
            reasons = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
            self.assertEqual(reasons, ["stop"])
            self.assertTrue(all(chunk.usage is None for chunk in chunks))

    def test_many_streams_are_read_at_a_time(self):
        async def ask():
            client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=20)

            async def read():
                stream = await client.chat.completions.create(model="chat", messages=QUESTION, stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

            texts = await asyncio.gather(*[read() for _ in range(20)])
            await client.close()
            return set(texts)

        self.assertEqual(asyncio.run(ask()), {said("chat")})

    def test_a_stream_that_is_left_leaves_the_client_well(self):
        for model in self.each():
            with self.openai.chat.completions.create(model=model, messages=QUESTION, stream=True) as stream:
                next(iter(stream))
            answer = self.openai.chat.completions.create(model=model, messages=QUESTION)
            self.assertEqual(answer.choices[0].message.content, said(model))

    def test_a_stream_counts_its_tokens_when_asked(self):
        for model in self.each():
            options = {"include_usage": True}
            stream = self.openai.chat.completions.create(
                model=model, messages=QUESTION, stream=True, stream_options=options
            )
            usages = [chunk.usage for chunk in stream if chunk.usage]
            self.assertEqual([(u.prompt_tokens, u.completion_tokens) for u in usages], [(11, 7)])

    def test_a_tool_is_called_and_heard(self):
        for model in self.each():
            answer = self.openai.chat.completions.create(model=model, messages=QUESTION, tools=[TOOL])
            choice = answer.choices[0]
            self.assertEqual(choice.finish_reason, "tool_calls")
            [call] = choice.message.tool_calls
            self.assertEqual(call.function.name, "weather")
            self.assertEqual(json.loads(call.function.arguments), {"city": "Paris"})
            heard = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
            messages = QUESTION + [choice.message.model_dump(exclude_none=True), heard]
            answer = self.openai.chat.completions.create(model=model, messages=messages, tools=[TOOL])
            self.assertEqual(answer.choices[0].message.content, "The tool has spoken.")

    def test_the_call_of_a_tool_is_streamed(self):
        for model in self.each():
            with self.openai.chat.completions.stream(model=model, messages=QUESTION, tools=[TOOL]) as stream:
                answer = stream.get_final_completion()
            [call] = answer.choices[0].message.tool_calls
            self.assertEqual(json.loads(call.function.arguments), {"city": "Paris"})
            self.assertEqual(answer.choices[0].finish_reason, "tool_calls")

    def test_tools_are_called_in_parallel(self):
        for model in self.each(["chat-parallel", "claude-parallel"]):
            for streams in (False, True):
                if streams:
                    with self.openai.chat.completions.stream(model=model, messages=QUESTION, tools=[TOOL]) as stream:
                        answer = stream.get_final_completion()
                else:
                    answer = self.openai.chat.completions.create(model=model, messages=QUESTION, tools=[TOOL])
                calls = answer.choices[0].message.tool_calls
                cities = [json.loads(call.function.arguments)["city"] for call in calls]
                self.assertEqual(cities, ["Paris", "T\u014dky\u014d"])
                self.assertEqual(len({call.id for call in calls}), 2)

    def test_pictures_and_settings_arrive(self):
        picture = "data:image/png;base64,iVBORw0KGgo="
        content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": picture}}]
        self.openai.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": content}], temperature=0.25, max_tokens=9, stop=["x"]
        )
        body = last_asked()["body"]
        self.assertEqual(body["messages"][0]["content"][1]["image_url"]["url"], picture)
        self.assertEqual((body["temperature"], body["max_tokens"], body["stop"]), (0.25, 9, ["x"]))
        self.assertEqual(body["model"], "gpt-mock")
        self.openai.chat.completions.create(
            model="claude", messages=[{"role": "user", "content": content}], temperature=0.25, max_tokens=9, stop=["x"]
        )
        body = last_asked()["body"]
        source = body["messages"][0]["content"][1]["source"]
        self.assertEqual(source, {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="})
        self.assertEqual((body["temperature"], body["max_tokens"], body["stop_sequences"]), (0.25, 9, ["x"]))

    def test_the_key_of_the_caller_stays_here(self):
        for model in self.each():
            self.openai.chat.completions.create(model=model, messages=QUESTION)
            self.assertNotIn(KEY, last_asked()["head"])

    def test_many_are_answered_at_a_time(self):
        async def ask():
            client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=20)
            asked = [client.chat.completions.create(model="chat", messages=QUESTION) for _ in range(20)]
            answers = await asyncio.gather(*asked)
            await client.close()
            return {answer.choices[0].message.content for answer in answers}

        self.assertEqual(asyncio.run(ask()), {said("chat")})


class Others(Case):
    def test_models_are_listed(self):
        names = [model.id for model in self.openai.models.list()]
        self.assertLessEqual({"chat", "claude", "embed"}, set(names))
        self.assertEqual(self.openai.models.retrieve("chat").id, "chat")

    def test_a_text_becomes_a_vector(self):
        answer = self.openai.embeddings.create(model="embed", input="hello", encoding_format="float")
        self.assertEqual(answer.data[0].embedding, [0.1, 0.2, 0.3, 0.4])
        self.assertEqual(answer.usage.prompt_tokens, 4)

    def test_texts_become_vectors_as_the_client_asks_for_them(self):
        # The client asks for Base64 unless told otherwise, and takes numbers as well.
        answer = self.openai.embeddings.create(model="embed", input=["hello", "there"])
        self.assertEqual(len(answer.data[0].embedding), 4)
        self.assertEqual(last_asked()["body"]["input"], ["hello", "there"])
        self.assertEqual(last_asked()["body"]["model"], "embed-mock")

    def test_a_text_is_completed(self):
        self.assertEqual(self.openai.completions.create(model="text", prompt="hi").choices[0].text, "mock text")
        chunks = self.openai.completions.create(model="text", prompt="hi", stream=True)
        self.assertEqual("".join(chunk.choices[0].text or "" for chunk in chunks if chunk.choices), "mock text")


class Responses(Case):
    def test_a_question_is_answered(self):
        for model in self.each():
            answer = self.openai.responses.create(model=model, input="hi")
            self.assertEqual(answer.output_text, said(model))
            self.assertEqual(answer.status, "completed")
            self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (11, 7))

    def test_an_answer_is_streamed(self):
        for model in self.each():
            with self.openai.responses.stream(model=model, input="hi") as stream:
                text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
                answer = stream.get_final_response()
            self.assertEqual((text, answer.output_text), (said(model), said(model)))

    def test_a_tool_is_called_and_heard(self):
        for model in self.each():
            answer = self.openai.responses.create(model=model, input="hi", tools=[RESPONSES_TOOL])
            [call] = [item for item in answer.output if item.type == "function_call"]
            self.assertEqual((call.name, json.loads(call.arguments)), ("weather", {"city": "Paris"}))
            asked = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
            heard = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
            items = [{"role": "user", "content": "hi"}, asked, heard]
            answer = self.openai.responses.create(model=model, input=items, tools=[RESPONSES_TOOL])
            self.assertEqual(answer.output_text, "The tool has spoken.")

    def test_the_call_of_a_tool_is_streamed(self):
        for model in self.each():
            with self.openai.responses.stream(model=model, input="hi", tools=[RESPONSES_TOOL]) as stream:
                answer = stream.get_final_response()
            [call] = [item for item in answer.output if item.type == "function_call"]
            self.assertEqual((call.name, json.loads(call.arguments)), ("weather", {"city": "Paris"}))


class Messages(Case):
    def test_a_question_is_answered(self):
        for model in self.each():
            answer = self.anthropic.messages.create(model=model, max_tokens=64, messages=QUESTION, system="Be brief.")
            self.assertEqual([block.text for block in answer.content], [said(model)])
            self.assertEqual(answer.stop_reason, "end_turn")
            self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (11, 7))
            self.assertIn("Be brief.", json.dumps(last_asked()["body"]))

    def test_an_answer_is_streamed(self):
        for model in self.each():
            with self.anthropic.messages.stream(model=model, max_tokens=64, messages=QUESTION) as stream:
                text = "".join(stream.text_stream)
                answer = stream.get_final_message()
            self.assertEqual((text, answer.content[0].text), (said(model), said(model)))
            self.assertEqual((answer.stop_reason, answer.usage.output_tokens), ("end_turn", 7))

    def test_a_tool_is_called_and_heard(self):
        for model in self.each():
            asked = {"model": model, "max_tokens": 64, "tools": [MESSAGES_TOOL]}
            answer = self.anthropic.messages.create(messages=QUESTION, **asked)
            self.assertEqual(answer.stop_reason, "tool_use")
            [call] = [block for block in answer.content if block.type == "tool_use"]
            self.assertEqual((call.name, call.input), ("weather", {"city": "Paris"}))
            told = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]}
            heard = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
            messages = QUESTION + [told, {"role": "user", "content": [heard]}]
            answer = self.anthropic.messages.create(messages=messages, **asked)
            self.assertEqual(answer.content[0].text, "The tool has spoken.")

    def test_the_call_of_a_tool_is_streamed(self):
        for model in self.each():
            asked = {"model": model, "max_tokens": 64, "tools": [MESSAGES_TOOL]}
            with self.anthropic.messages.stream(messages=QUESTION, **asked) as stream:
                answer = stream.get_final_message()
            [call] = [block for block in answer.content if block.type == "tool_use"]
            self.assertEqual((call.name, call.input, answer.stop_reason), ("weather", {"city": "Paris"}, "tool_use"))

    def test_tools_are_called_in_parallel(self):
        for model in self.each(["chat-parallel", "claude-parallel"]):
            asked = {"model": model, "max_tokens": 64, "tools": [MESSAGES_TOOL]}
            with self.anthropic.messages.stream(messages=QUESTION, **asked) as stream:
                streamed = stream.get_final_message()
            for answer in (self.anthropic.messages.create(messages=QUESTION, **asked), streamed):
                cities = [block.input["city"] for block in answer.content if block.type == "tool_use"]
                self.assertEqual(cities, ["Paris", "T\u014dky\u014d"])


OPENAI_ERRORS = {
    "fails-400": openai.BadRequestError,
    "fails-401": openai.AuthenticationError,
    "fails-403": openai.PermissionDeniedError,
    "fails-404": openai.NotFoundError,
    "fails-429": openai.RateLimitError,
    "fails-500": openai.InternalServerError,
    "fails-503": openai.InternalServerError,
    "fails-ctx": openai.BadRequestError,
    "claude-fails-400": openai.BadRequestError,
    "claude-fails-401": openai.AuthenticationError,
    "claude-fails-429": openai.RateLimitError,
    "claude-fails-500": openai.InternalServerError,
    "nobody": openai.BadRequestError,
}
ANTHROPIC_ERRORS = {
    "fails-400": anthropic.BadRequestError,
    "fails-401": anthropic.AuthenticationError,
    "fails-404": anthropic.NotFoundError,
    "fails-429": anthropic.RateLimitError,
    "fails-500": anthropic.InternalServerError,
    "claude-fails-400": anthropic.BadRequestError,
    "claude-fails-401": anthropic.AuthenticationError,
    "claude-fails-429": anthropic.RateLimitError,
    "claude-fails-500": anthropic.InternalServerError,
}


class Errors(Case):
    def test_every_error_is_of_its_class(self):
        for model in self.each(OPENAI_ERRORS):
            for streams in (False, True):
                with self.assertRaises(OPENAI_ERRORS[model]) as raised:
                    self.openai.chat.completions.create(model=model, messages=QUESTION, stream=streams)
                self.assertTrue(raised.exception.body["message"])
                self.assertTrue(raised.exception.body["type"])

    def test_what_cannot_be_processed_is_told(self):
        with self.assertRaises(openai.UnprocessableEntityError):
            self.openai.chat.completions.create(model="fails-422", messages=QUESTION)

    def test_every_error_is_of_its_class_for_messages(self):
        for model in self.each(ANTHROPIC_ERRORS):
            with self.assertRaises(ANTHROPIC_ERRORS[model]):
                self.anthropic.messages.create(model=model, max_tokens=64, messages=QUESTION)

    def test_an_overloaded_backend_is_told(self):
        with self.assertRaises(anthropic.APIStatusError) as raised:
            self.anthropic.messages.create(model="claude-fails-529", max_tokens=64, messages=QUESTION)
        self.assertIn(raised.exception.status_code, (503, 529))

    def test_a_wrong_key_is_refused(self):
        with self.assertRaises(openai.AuthenticationError):
            self.openai.with_options(api_key="sk-wrong").chat.completions.create(model="chat", messages=QUESTION)
        with self.assertRaises(anthropic.AuthenticationError):
            client = self.anthropic.with_options(api_key="sk-wrong")
            client.messages.create(model="chat", max_tokens=64, messages=QUESTION)

    def test_a_deadline_is_told(self):
        with self.assertRaises(openai.APIStatusError) as raised:
            self.openai.chat.completions.create(model="hangs", messages=QUESTION)
        self.assertEqual(raised.exception.status_code, 408)

    def test_a_stream_that_breaks_is_no_answer(self):
        for model in self.each(["fails-miderr", "fails-midclose"]):
            said = []
            with self.assertRaises(openai.APIError):
                for chunk in self.openai.chat.completions.create(model=model, messages=QUESTION, stream=True):
                    said.append(chunk.choices[0].delta.content)
            self.assertIn("tok10 ", said)


if __name__ == "__main__":
    unittest.main()
