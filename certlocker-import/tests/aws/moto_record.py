"""Prints what `aws ec2 describe-… --output json` prints: ENDPOINT REGION instances|images|key-pairs."""

import json
import sys

import boto3

endpoint, region, what = sys.argv[1:]
client = boto3.client(
    "ec2",
    region_name=region,
    endpoint_url=endpoint,
    aws_access_key_id="AKIAQWERTYUIOPASDFGH",
    aws_secret_access_key="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",
)
answer = {
    "images": lambda: client.describe_images(Owners=["099720109477"]),
    "instances": client.describe_instances,
    "key-pairs": lambda: client.describe_key_pairs(IncludePublicKey=True),
}[what]()
del answer["ResponseMetadata"]
print(json.dumps(answer, default=lambda at: at.isoformat()))
