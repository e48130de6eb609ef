"""Makes machines of every sort in moto: ENDPOINT REGION…; for each region 40 of them."""

import sys

import boto3

endpoint, *regions = sys.argv[1:]


def make(region):
    client = boto3.client(
        "ec2",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="AKIAQWERTYUIOPASDFGH",
        aws_secret_access_key="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",
    )
    image = client.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    groups = {
        name: client.create_security_group(GroupName=name, Description=name)["GroupId"]
        for name in ("web", "db")
    }
    client.create_key_pair(KeyName="deploy")
    ids = []
    for at in range(40):
        tags = [{"Key": "env", "Value": ("prod", "test")[at % 2]}]
        if at % 3:
            # Some have the same name as another.
            tags.append({"Key": "Name", "Value": f"web-{at % 10}"})
        made = client.run_instances(
            ImageId=image,
            KeyName="deploy",
            MaxCount=1,
            MinCount=1,
            SecurityGroupIds=[groups[("web", "db")[at % 4 == 0]]],
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        ids.append(made["Instances"][0])
    subnet = ids[0]["SubnetId"]
    for at in range(0, 10):
        address = client.allocate_address(Domain="vpc")
        client.associate_address(
            AllocationId=address["AllocationId"], InstanceId=ids[at]["InstanceId"]
        )
    for at in range(10, 15):
        interface = client.create_network_interface(SubnetId=subnet, Groups=[groups["db"]])
        client.attach_network_interface(
            DeviceIndex=1,
            InstanceId=ids[at]["InstanceId"],
            NetworkInterfaceId=interface["NetworkInterface"]["NetworkInterfaceId"],
        )
    client.stop_instances(InstanceIds=[of["InstanceId"] for of in ids[15:20]])
    client.terminate_instances(InstanceIds=[of["InstanceId"] for of in ids[20:25]])


for region in regions:
    make(region)
