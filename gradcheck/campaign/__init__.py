"""Campaigns: problems posed for as long as one likes, on as many processes as there are, and what they found."""

from gradcheck.campaign.findings import Finding as Finding
from gradcheck.campaign.findings import Record as Record
from gradcheck.campaign.job import Job as Job
from gradcheck.campaign.outcome import Budget as Budget
from gradcheck.campaign.outcome import Outcome as Outcome
from gradcheck.campaign.run import Campaign as Campaign
