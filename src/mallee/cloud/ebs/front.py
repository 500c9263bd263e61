"""Which of the two services that this process serves a request is for: S3, or EBS's direct APIs.

Called by the process of S3 for each head.
"""

from mallee.aws import dispatch
from mallee.cloud import http
from mallee.cloud.ebs import pipeline as ebs
from mallee.cloud.s3 import pipeline as s3
from mallee.cloud.s3.serving.bodies import Source
from mallee.cloud.s3.serving.server import Outgoing


async def answer(desk: ebs.Desk, request: http.Request, source: Source) -> Outgoing:
    """Answer a request of either."""
    if dispatch.is_for_blocks(request.headers, request.query):
        return await ebs.answer(desk, request, source)
    return await s3.answer(desk.cloud, request, source)
