"""S3's requests and answers in its bytes: `s3.route`, `s3.decode`, `s3.encode`."""

from mallee.aws.codec.s3.answers import Answer as Answer
from mallee.aws.codec.s3.answers import Place as Place
from mallee.aws.codec.s3.answers import encode as encode
from mallee.aws.codec.s3.answers import encode_error as encode_error
from mallee.aws.codec.s3.form import Form as Form
from mallee.aws.codec.s3.requests import BodyKind as BodyKind
from mallee.aws.codec.s3.requests import body_kind as body_kind
from mallee.aws.codec.s3.requests import decode as decode
from mallee.aws.codec.s3.routes import POST_OBJECT as POST_OBJECT
from mallee.aws.codec.s3.routes import PREFLIGHT as PREFLIGHT
from mallee.aws.codec.s3.routes import Address as Address
from mallee.aws.codec.s3.routes import Routed as Routed
from mallee.aws.codec.s3.routes import address as address
from mallee.aws.codec.s3.routes import route as route
from mallee.aws.codec.s3.warming import warm as warm
