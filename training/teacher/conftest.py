"""The real networks of transformers, from tiny configurations with fixed random weights, saved as hubs hold them."""

import pytest
import torch

WORDS = ["coin", "medal", "bank", "note", "##s", "."]
SIDE = 64
"""Of the inputs of tiny segmenters."""


def bert_tokenizer(tr):
    vocab = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    return tr.BertTokenizer(vocab=vocab)


def clip_tokenizer(tr, longest):
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    symbols = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return tr.CLIPTokenizer(
        vocab={symbol: index + 1 for index, symbol in enumerate(symbols)} | {"!": 0},
        merges=[],
        model_max_length=longest,
    )


CLIP_TEXT = {
    "vocab_size": 60,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "bos_token_id": 53,
    "eos_token_id": 54,
    "pad_token_id": 0,
}


def grounding(tr, config, model):
    swin = tr.SwinConfig(
        image_size=64,
        embed_dim=12,
        depths=[1, 1, 1],
        num_heads=[1, 1, 1],
        window_size=4,
        out_features=["stage2", "stage3"],
    )
    text = tr.BertConfig(
        vocab_size=11,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    settings = config(
        backbone_config=swin,
        text_config=text,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=12,
        num_feature_levels=3,
        max_text_len=32,
    )
    images = tr.GroundingDinoImageProcessor(size={"shortest_edge": 48, "longest_edge": 96})
    return model(settings), tr.GroundingDinoProcessor(images, bert_tokenizer(tr))


def owl(tr):
    settings = tr.Owlv2Config(
        text_config={**CLIP_TEXT, "max_position_embeddings": 16},
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 16,
        },
        projection_dim=16,
    )
    images = tr.Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE})
    return tr.Owlv2ForObjectDetection(settings), tr.Owlv2Processor(images, clip_tokenizer(tr, 16))


DETECTORS = {
    "grounding-dino": lambda tr: grounding(tr, tr.GroundingDinoConfig, tr.GroundingDinoForObjectDetection),
    "mm-grounding-dino": lambda tr: grounding(tr, tr.MMGroundingDinoConfig, tr.MMGroundingDinoForObjectDetection),
    "owlv2": owl,
}


def sam(tr, config, model, processor, side=SIDE, patch=8, hidden=16, **decoder):
    settings = config(
        vision_config={
            "hidden_size": hidden,
            "output_channels": hidden,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": side,
            "patch_size": patch,
            "window_size": 4,
            "global_attn_indexes": [1],
            "num_pos_feats": hidden // 2,
            "mlp_dim": 2 * hidden,
            "initializer_range": 0.02,
        },
        prompt_encoder_config={
            "hidden_size": hidden,
            "image_size": side,
            "patch_size": patch,
            "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": hidden,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
            **decoder,
        },
    )
    square = {"height": side, "width": side}
    images = tr.SamImageProcessor(
        size={"longest_edge": side}, pad_size=square, mask_size={"longest_edge": 32}, mask_pad_size=square
    )
    return model(settings), processor(images)


def sam2(tr):
    hiera = {
        "hidden_size": 8,
        "num_attention_heads": 1,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 12, 16, 32],
        "num_attention_heads_per_stage": [1, 1, 1, 2],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
    }
    settings = tr.Sam2Config(
        vision_config={
            "backbone_config": tr.Sam2HieraDetConfig(**hiera),
            "backbone_channel_list": [32, 16, 12, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": SIDE, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    images = tr.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}, mask_size={"height": 16, "width": 16})
    return tr.Sam2Model(settings), tr.Sam2Processor(images)


SEGMENTERS = {
    "sam": lambda tr: sam(tr, tr.SamConfig, tr.SamModel, tr.SamProcessor),
    "sam_hq": lambda tr: sam(tr, tr.SamHQConfig, tr.SamHQModel, tr.SamHQProcessor, vit_dim=16),
    "sam2": sam2,
}


def clipseg(tr):
    settings = tr.CLIPSegConfig(
        text_config={**CLIP_TEXT, "max_position_embeddings": 20},
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 16,
        },
        projection_dim=16,
        reduce_dim=8,
        decoder_intermediate_size=16,
        decoder_num_attention_heads=2,
        extract_layers=[0, 1, 2],
    )
    images = tr.ViTImageProcessor(
        size={"height": SIDE, "width": SIDE}, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
    )
    return tr.CLIPSegForImageSegmentation(settings), tr.CLIPSegProcessor(images, clip_tokenizer(tr, 20))


def sam3(tr):
    part = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_layers": 1}
    settings = tr.Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": SIDE,
                "pretrain_image_size": SIDE,
                "patch_size": 16,
                "window_size": 2,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 16,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        text_config={**CLIP_TEXT, "max_position_embeddings": 32, "projection_dim": 16},
        geometry_encoder_config=part,
        detr_encoder_config=part,
        detr_decoder_config={**part, "num_queries": 6},
        mask_decoder_config={"hidden_size": 16, "num_attention_heads": 2},
    )
    images = tr.Sam3ImageProcessor(size={"height": SIDE, "width": SIDE}, mask_size={"height": 16, "width": 16})
    return tr.Sam3Model(settings), tr.Sam3Processor(images, clip_tokenizer(tr, 32))


OTHERS = {"clipseg": clipseg, "sam3": sam3}


def awaken(model):
    """Weights large enough that what goes in matters for what comes out: by default all logits are nearly zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The folder of a tiny model, by its kind; made once."""
    tr = pytest.importorskip("transformers", reason="teachers need make install-teachers")
    folders = {}

    def save(kind):
        if kind not in folders:
            with torch.random.fork_rng():
                torch.manual_seed(1)
                model, processor = {**DETECTORS, **SEGMENTERS, **OTHERS}[kind](tr)
                if kind in SEGMENTERS:
                    awaken(model)
            folders[kind] = tmp_path_factory.mktemp("weights") / kind
            model.save_pretrained(folders[kind])
            processor.save_pretrained(folders[kind])
        return str(folders[kind])

    return save


@pytest.fixture(scope="session")
def small_sam():
    """A SAM of 64 × 64 pixels with its processor, as small as one can be that still learns; it knows nothing."""
    tr = pytest.importorskip("transformers", reason="teachers need make install-teachers")
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network, processor = sam(tr, tr.SamConfig, tr.SamModel, tr.SamProcessor, patch=4, hidden=48)
        awaken(network)
    return network, processor
