"""Item pipelines: one class, one duty. An item is a `Bot` as seen in this crawl.

https://docs.scrapy.org/en/latest/topics/item-pipeline.html

They work with spiders of this project, whose `crawl_state` (`spiders.state`) they read and add to. For any other
spider Scrapy leaves them out.
"""
