"""Faults that are put into a copy of the package on purpose: each is a few lines that somebody might well write."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """
    One fault.

    Attributes:
        name: What is wrong.
        place: Where, within the package: a module, or a folder one of whose modules it is.
        old: The lines that are replaced, wherever they are in that module; they must be there.
        new: What they are replaced with.
        check: The smallest check that must fail with it.
    """

    name: str
    place: str
    old: str
    new: str
    check: tuple[str, ...]


SETTLING = "_settling"
MEMORY = "_store/memory.py"

FAULTS = [
    Fault(
        "a file gets its name by a rename",
        "_store/publication.py",
        "        link(temporary, target)\n",
        "        os.replace(temporary, target)\n        return True\n",
        ("race",),
    ),
    Fault(
        "a file is written in place",
        "_store/local.py",
        "            won = self._publish(temporary, target)\n",
        "            won = not os.path.exists(target)\n"
        "            if won:\n"
        "                with open(target, 'xb') as file:\n"
        "                    file.write(body[:1000])\n"
        "                    file.flush()\n"
        "                    file.write(body[1000:])\n",
        ("race",),
    ),
    Fault(
        "who lost the reply does not know its own object again",
        "_store/records.py",
        "won=found.write_id == record.write_id",
        "won=False",
        ("scenes", "an_answer_is_judged_and_the_deadline_passes"),
    ),
    Fault(
        "the marker is written before the truth",
        SETTLING,
        "        put = await self.records.put_response(response)\n",
        "        await self._hint(request)\n        put = await self.records.put_response(response)\n",
        ("scenes", "the_app_settles_by_itself"),
    ),
    Fault(
        "no marker is written for a candidate",
        SETTLING,
        "                await self._hint(request, candidate)\n                return candidate\n",
        "                return candidate\n",
        ("scenes", "an_answer_is_judged_and_the_deadline_passes"),
    ),
    Fault(
        "adopting a question counts its deadline anew",
        "_event/asking.py",
        "    _refuse_other_type(request, question)\n",
        "    _refuse_other_type(request, question)\n"
        "    request = request.model_copy(update={'deadline': _request(question, key, run, request_id).deadline})\n",
        ("kill", "6"),
    ),
    Fault(
        "the attempt is part of a question's identity",
        "_runs.py",
        "run.map_index, key, generation]",
        "run.map_index, run.attempt, key, generation]",
        ("scenes", "a_workflow_is_retried_in_its_process"),
    ),
    Fault(
        "equal questions are counted across attempts",
        "_runs.py",
        "run.map_index, tried, name, digest)",
        "run.map_index, name, digest)",
        ("scenes", "a_workflow_is_retried_in_its_process"),
    ),
    Fault(
        "a verdict is overwritten",
        MEMORY,
        "            if path in self._objects:\n",
        "            if path in self._objects and not path.endswith('.verdict.json'):\n",
        ("scenes", "two_attempts_judge_at_once"),
    ),
    Fault(
        "a response is overwritten",
        MEMORY,
        "            if path in self._objects:\n",
        "            if path in self._objects and not path.endswith('response.json'):\n",
        ("scenes", "two_answers_arrive_at_once"),
    ),
    Fault(
        "a zombie believes its own verdict and not the stored one",
        SETTLING,
        "        return (await self.records.put_verdict(verdict)).record\n",
        "        await self.records.put_verdict(verdict)\n        return verdict\n",
        ("scenes", "two_attempts_judge_at_once"),
    ),
    Fault(
        "the highest candidate is judged first",
        SETTLING,
        "        for number, candidate in await self._stored_candidates(request):\n"
        "            if candidate and await self._acc",
        "        for number, candidate in reversed(await self._stored_candidates(request)):\n"
        "            if candidate and await self._acc",
        ("scenes", "the_first_answer_that_fits_is_taken"),
    ),
    Fault(
        "the app settles although the schema is not the whole type",
        SETTLING,
        "        if pending or not (request.schema_complete or answer.declined):\n",
        "        if pending:\n",
        ("scenes", "the_first_answer_that_fits_is_taken"),
    ),
    Fault(
        "the app lets an event expire although an answer waits",
        SETTLING,
        "self._is_late(request) and not await self._has_open_candidate(request)",
        "self._is_late(request)",
        ("scenes", "an_answer_waits_when_the_deadline_passes"),
    ),
    Fault(
        "an acceptance is forgotten when its process dies before the response",
        SETTLING,
        "verdict is None or verdict.accepted",
        "verdict is None",
        ("scenes", "an_answer_is_judged_and_the_deadline_passes"),
    ),
    Fault(
        "the deadline settles without judging what is stored",
        SETTLING,
        "        return await self.judge(request, parse) or await self._put(request, self._expired(request))\n",
        "        return await self._put(request, self._expired(request))\n",
        ("scenes", "an_answer_comes_as_the_deadline_settles"),
    ),
    Fault(
        "silence becomes approval",
        SETTLING,
        "            value=request.default.value if request.default else None,\n",
        "            value=request.default.value if request.default else True,\n",
        ("model", "100"),
    ),
    Fault(
        "a reviewer is told accepted as soon as there is a verdict",
        SETTLING,
        "                if verdict is not None and not verdict.accepted:\n",
        "                if verdict is not None and verdict.accepted:\n"
        "                    return Response(\n"
        "                        request_id=request.request_id, outcome='answered', source='reviewer',\n"
        "                        candidate=candidate.number,\n"
        "                    )\n"
        "                if verdict is not None and not verdict.accepted:\n",
        ("scenes", "a_verdict_comes_while_the_page_waits"),
    ),
    Fault(
        "a form that was changed and sent again counts as the same write",
        SETTLING,
        "encode_json([request.request_id, form, answer.value, answer.declined, answer.comment, answer.by.name])",
        "encode_json([request.request_id, form])",
        ("scenes", "a_form_is_sent_three_times"),
    ),
]
