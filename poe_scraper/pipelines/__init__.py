"""Item pipelines: one class, one duty. An item is a `Bot` as seen in this crawl.

https://docs.scrapy.org/en/latest/topics/item-pipeline.html

What they expect of a spider: `catalog_ok`, `complete`, `in_scope`, `unchanged`, `listed`, `unlisted`, `problems`,
`arguments` and `known`, as `spiders.visits` describes them. `PublishPipeline` fills in `known` before
the first request.
"""
